"""A language model behind an OpenAI-compatible address (llama.cpp's server, vLLM, Ollama …), as an engine.

API: "Create chat completion" with ``stream: true``, server-sent events, of OpenAI's reference. There is no
grammar: the prompt asks for citations, and the checks do the rest.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

from pubmed_rag.core.errors import RemoteRefusedError, RemoteUnavailableError, SettingsError
from pubmed_rag.rag.engine import Message, Sampling

PREFIX = "openai:"
"""Before the name of a model that is served elsewhere."""

_CHARACTERS_PER_TOKEN = 2.5
"""Few, so that a prompt never turns out longer than was counted: English prose has about four."""

_LONGEST_ERROR = 200
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
_TRIES = 3
_LONGEST_PAUSE = 20.0
_REMEDY = "check models.endpoint (PUBMED_RAG_MODELS_ENDPOINT) and that the server runs"


class EndpointEngine:
    """``model`` at ``endpoint``, such as ``http://localhost:8080/v1``. The key is sent and never shown.

    Raises :class:`SettingsError` for an endpoint that is no address.
    """

    def __init__(
        self,
        model: str,
        endpoint: str,
        *,
        key: str = "",
        context_tokens: int = 4096,
        timeout_seconds: float = 120.0,
        pause_seconds: float = 2.0,
    ) -> None:
        if urllib.parse.urlsplit(endpoint).scheme not in {"http", "https"}:
            raise SettingsError(
                f"'{endpoint}' is not the address of a server" if endpoint else f"no address for {PREFIX}{model}",
                remedy="set models.endpoint, as in PUBMED_RAG_MODELS_ENDPOINT=http://localhost:8080/v1",
            )
        self._model = model
        self._url = f"{endpoint.rstrip('/')}/chat/completions"
        self._key = key
        self._context_tokens = context_tokens
        self._timeout = timeout_seconds
        self._pause = pause_seconds

    @property
    def name(self) -> str:
        return f"{PREFIX}{self._model}"

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def obeys_grammar(self) -> bool:
        return False

    def count_tokens(self, text: str) -> int:
        return round(len(text.encode("utf-8")) / _CHARACTERS_PER_TOKEN)

    def close(self) -> None:
        """Nothing is kept open."""

    def generate(
        self,
        messages: Sequence[Message],
        *,
        grammar: str,  # noqa: ARG002  (the interface has none)
        sampling: Sampling,
        stopped: Callable[[], bool] | None = None,
    ) -> Iterator[str]:
        """Raises :class:`RemoteUnavailableError` or :class:`RemoteRefusedError` (a wrong key, an unknown model)."""
        body = {
            "model": self._model,
            "messages": [{"role": message.role, "content": message.content} for message in messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "max_tokens": sampling.max_tokens,
            "stream": True,
        }
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)
        try:
            with closing(self._open(request, stopped)) as response:
                ended = False
                for line in response:
                    if text := self._text(line):
                        yield text
                    ended = ended or _is_end(line)
                    if stopped and stopped():
                        return
                if not ended:
                    raise RemoteUnavailableError(
                        f"the stream of the model server at {self._url} broke off", remedy="ask again"
                    )
        except urllib.error.HTTPError as error:
            raise self._refusal(error) from None  # the chain would show the request, key and all
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise RemoteUnavailableError(
                f"the model server at {self._url} did not answer ({reason})", remedy=_REMEDY
            ) from error

    def _open(self, request: urllib.request.Request, stopped: Callable[[], bool] | None) -> Any:
        """The response. A server that is too busy is asked again, after what it says or a little longer each time."""
        for attempt in range(1, _TRIES + 1):
            try:
                return urllib.request.urlopen(request, timeout=self._timeout)
            except urllib.error.HTTPError as error:
                if error.code not in {429, 503} or attempt == _TRIES or (stopped and stopped()):
                    raise
                wait = _seconds(error.headers.get("Retry-After")) if error.headers else None
                error.close()
                time.sleep(min(_LONGEST_PAUSE, self._pause * 2**attempt if wait is None else wait))
        raise AssertionError("the last attempt returns or raises")

    def _text(self, line: bytes) -> str:
        """What one line of the stream adds. Anything but ``data: {…}`` is a comment or the end."""
        content = line.decode("utf-8", "replace").strip()
        if not content.startswith("data:") or content.endswith("[DONE]"):
            return ""
        try:
            event: Any = json.loads(content.removeprefix("data:"))
            if "error" in event:
                raise RemoteUnavailableError(f"the model server failed ({str(event['error'])[:_LONGEST_ERROR]})")
            choices = event["choices"]
            return (choices[0]["delta"].get("content") or "") if choices else ""
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            raise RemoteUnavailableError(
                f"the model server at {self._url} answered something else than a chat ({content[:80]!r})",
                remedy=_REMEDY,
            ) from None

    def _refusal(self, error: urllib.error.HTTPError) -> RemoteRefusedError | RemoteUnavailableError:
        said = " ".join(error.read(4096).decode("utf-8", "replace").split())[:_LONGEST_ERROR]
        if self._key:
            said = said.replace(self._key, "…")
        message = f"the model server at {self._url} answered {error.code}: {said or error.reason}"
        if error.code in {408, 429} or error.code >= 500:
            return RemoteUnavailableError(message, remedy="wait a little and ask again")
        remedy = (
            "check PUBMED_RAG_MODELS_KEY" if error.code in {401, 403} else "check the model's name and models.endpoint"
        )
        return RemoteRefusedError(message, remedy=remedy)


def _is_end(line: bytes) -> bool:
    """Whether a line of the stream says that it is complete: ``[DONE]``, or why the model stopped."""
    return line.strip().endswith(b"[DONE]") or bool(_FINISHED.search(line))


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.strip().isdigit() else None
