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
    """Streams ``pieces``, or answers with ``status`` and ``body``; keeps what it was asked.

    ``refuse_first``: so many requests are refused for being too many. ``held`` ends a server that falls silent.
    """

    def __init__(self, handler: type[BaseHTTPRequestHandler] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler or Handler)
        self.held = threading.Event()
        self.refuse_first = 0
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
        if self.server.refuse_first:
            self.server.refuse_first -= 1
            self.send_response(429)
            self.send_header("Retry-After", "0")
            self.end_headers()
            return
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
    return EndpointEngine("llama", server.url, key=key, timeout_seconds=5, pause_seconds=0.01)


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


class Slow(Handler):
    """Says a little and then nothing, or breaks off."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        if self.server.body is not None:  # promises more than it sends
            self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b'data: {"choices": [{"delta": {"content": "Zinc "}}]}\n\n')
        self.wfile.flush()
        if self.server.body is None:
            self.server.held.wait(10)


@pytest.fixture
def slow() -> Iterator[StandIn]:
    made = StandIn(Slow)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.held.set()
    made.shutdown()
    made.server_close()


def test_a_server_that_falls_silent_is_not_waited_for_forever(slow: StandIn) -> None:
    model = EndpointEngine("llama", slow.url, key=KEY, timeout_seconds=0.3)
    pieces: list[str] = []
    with pytest.raises(RemoteUnavailableError, match="did not answer") as caught:
        for piece in model.generate([Message("user", "Why?")], grammar="", sampling=Sampling()):
            pieces.append(piece)
    assert pieces == ["Zinc "]
    assert KEY not in str(caught.value)


def test_a_stream_that_breaks_off_is_not_taken_for_an_answer(slow: StandIn) -> None:
    slow.body = b""
    with pytest.raises(RemoteUnavailableError, match="broke off"):
        write(EndpointEngine("llama", slow.url, timeout_seconds=5))


def test_a_wish_to_stop_ends_the_stream(server: StandIn) -> None:
    server.pieces = [f"word{number} " for number in range(1000)]
    said: list[str] = []
    for piece in engine(server).generate(
        [Message("user", "Why?")], grammar="", sampling=Sampling(), stopped=lambda: len(said) > 1
    ):
        said.append(piece)
    assert 2 <= len(said) <= 3


def test_a_busy_server_is_asked_again_a_few_times_and_then_told_of(server: StandIn) -> None:
    server.refuse_first = 2
    server.pieces = ["Zinc."]
    assert write(engine(server)) == "Zinc."
    assert len(server.asked) == 3
    server.asked.clear()
    server.refuse_first = 99
    with pytest.raises(RemoteUnavailableError, match="429"):
        write(engine(server))
    assert len(server.asked) == 3
