"""The page's words in Portuguese, by their English. A test compares the keys with what the page says."""

from __future__ import annotations

PORTUGUESE: dict[str, str] = {}
