"""An OpenAI-compatible server as the model, against a stand-in on this machine."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pubmed_rag.core.errors import RemoteError, RemoteRefusedError, RemoteUnavailableError, SettingsError
from pubmed_rag.rag.answer import Answerer
from pubmed_rag.rag.endpoint import EndpointEngine
from pubmed_rag.rag.engine import Message, Sampling
from tests.support import Opener, article

KEY = "sk-very-secret"


class StandIn(ThreadingHTTPServer):
    """Streams ``pieces``, or answers with ``status`` and ``body``; keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pieces: list[str] = []
        self.status = 200
        self.body: bytes | None = None
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/"


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.asked.append({"path": self.path, **json.loads(self.rfile.read(length))})
        self.server.keys.append(self.headers["Authorization"])
        self.send_response(self.server.status)
        self.end_headers()
        if self.server.body is not None:
            self.wfile.write(self.server.body)
            return
        self.wfile.write(b": a comment\n\n")
        for piece in self.server.pieces:
            event = {"choices": [{"delta": {"content": piece}}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b'data: {"choices": [], "usage": {}}\n\ndata: [DONE]\n\n')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[StandIn]:
    made = StandIn()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def engine(server: StandIn, key: str = KEY) -> EndpointEngine:
    return EndpointEngine("llama", server.url, key=key, timeout_seconds=5)


def write(model: EndpointEngine) -> str:
    chat = [Message("system", "Be brief."), Message("user", "Why?")]
    return "".join(model.generate(chat, grammar="ignored", sampling=Sampling(0.3, 0.9, 7, 55)))


def test_the_request_and_the_text(server: StandIn) -> None:
    server.pieces = ["Zinc ", "hélps", " [1]."]
    assert write(engine(server)) == "Zinc hélps [1]."
    assert server.asked == [
        {
            "path": "/v1/chat/completions",
            "model": "llama",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
            "temperature": 0.3, "top_p": 0.9, "seed": 7, "max_tokens": 55, "stream": True,
        }
    ]  # fmt: skip
    assert server.keys == [f"Bearer {KEY}"]
    write(engine(server, key=""))
    assert server.keys[-1] is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, b'{"error": "bad key sk-very-secret"}', RemoteRefusedError, "PUBMED_RAG_MODELS_KEY"),
        (404, b"no such model", RemoteRefusedError, "no such model"),
        (429, b"", RemoteUnavailableError, "again"),
        (503, b"loading", RemoteUnavailableError, "loading"),
        (200, b"data: <html>\n", RemoteUnavailableError, "something else"),
        (200, b'data: {"error": {"message": "out of memory"}}\n', RemoteUnavailableError, "out of memory"),
    ],
)
def test_what_goes_wrong_is_told_without_the_key(
    server: StandIn, status: int, body: bytes, kind: type[RemoteError], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.status, server.body = status, body
    with pytest.raises(kind, match=words) as caught:
        write(engine(server))
    assert caught.value.exit_code == 4
    for text in (str(caught.value), repr(caught.value.__context__), repr(caught.value.__cause__), caplog.text):
        assert KEY not in text


def test_nobody_there_and_no_address() -> None:
    with pytest.raises(RemoteUnavailableError, match="did not answer"):
        write(EndpointEngine("llama", "http://127.0.0.1:1/v1", timeout_seconds=5))
    for address in ("", "localhost:8080", "ftp://x"):
        with pytest.raises(SettingsError, match="PUBMED_RAG_MODELS_ENDPOINT"):
            EndpointEngine("llama", address)


def test_an_answer_from_a_model_that_knows_no_grammar(server: StandIn, tiny: Opener) -> None:
    said = "Carvedilol reduced mortality by 35% in severe heart failure"
    library = tiny([article("11", "Carvedilol.", ("RESULTS", f"{said}.")), article("12", "Zinc.", "Zinc in asthma.")])
    server.pieces = ["Sure! In severe heart failure carvedilol reduced mortality by 35%. [1]\n- It cured all [1, 9]."]
    model = engine(server)
    answer = Answerer(library.store, library.searcher, lambda: model).ask("Does carvedilol reduce mortality?")
    assert answer.model == "openai:llama"
    assert [(claim.origin, claim.citations[0].id) for claim in answer.claims] == [("model", "11")]
    assert {item.text: item.reason for item in answer.unresolved} == {
        "Sure": "it cites nothing",
        "It cured all": "it cites evidence that was not shown",
    }
