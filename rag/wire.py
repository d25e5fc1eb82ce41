"""What passes between this process and the one that holds the language model.

A frame is four bytes of length (big-endian) and that many bytes of MessagePack.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec

_LENGTH = struct.Struct(">I")


class Load(msgspec.Struct, frozen=True, tag=True):
    """The first request: which model."""

    name: str
    path: str
    context_tokens: int
    threads: int


class Generate(msgspec.Struct, frozen=True, tag=True):
    """Continue a chat. ``messages`` are (role, content); generations are done in the order they come."""

    id: int
    messages: list[tuple[str, str]]
    grammar: str
    temperature: float
    top_p: float
    seed: int
    max_tokens: int


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Stop the generation ``id``, begun or not. It still ends with :class:`Done`."""

    id: int


class Count(msgspec.Struct, frozen=True, tag=True):
    """How many tokens ``text`` has. Answered at once, also while something is generated."""

    id: int
    text: str


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is there and reads this many tokens."""

    context_tokens: int


class Piece(msgspec.Struct, frozen=True, tag=True):
    """Some text of the generation ``id``."""

    id: int
    text: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """The generation ``id`` is over."""

    id: int


class Counted(msgspec.Struct, frozen=True, tag=True):
    """The answer to :class:`Count`."""

    id: int
    tokens: int


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A request failed; ``id`` 0 is loading. ``usage`` tells an error of the user's from one of ours."""

    id: int
    message: str
    remedy: str | None
    usage: bool


Request = Load | Generate | Cancel | Count
Reply = Loaded | Piece | Done | Counted | Failed

_REQUEST: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_REPLY: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def write_frame(stream: BinaryIO, message: Request | Reply) -> None:
    """Write one message and flush it."""
    body = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


def read_request(stream: BinaryIO) -> Request | None:
    """The next request, or ``None`` at the end of the stream, within a frame too."""
    body = _read_frame(stream)
    return None if body is None else _REQUEST.decode(body)


def read_reply(stream: BinaryIO) -> Reply | None:
    """The next reply, or ``None`` at the end of the stream, within a frame too."""
    body = _read_frame(stream)
    return None if body is None else _REPLY.decode(body)


def _read_frame(stream: BinaryIO) -> bytes | None:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    body = stream.read(length)
    return body if len(body) == length else None
