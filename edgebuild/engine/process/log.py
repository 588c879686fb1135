"""The beginning and the end of what a step writes to its terminal."""

from __future__ import annotations

from collections import deque

LOG_HALF = 128 * 1024
"""Bytes kept of a log's beginning, and as many of its end."""


class Log:
    """The beginning and the end of a stream, whatever its length."""

    def __init__(self, half: int = LOG_HALF) -> None:
        self._half = half
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self.total = 0

    def feed(self, piece: bytes) -> None:
        """One more piece of the stream."""
        self.total += len(piece)
        room = self._half - len(self._head)
        self._head += piece[:room]
        rest = piece[room:] if room < len(piece) else b""
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._half:
            self._tail_size -= len(self._tail.popleft())

    def content(self) -> bytes:
        """Head and tail, with a line between them that says what is missing."""
        tail = b"".join(self._tail)[-self._half :]
        missing = self.total - len(self._head) - len(tail)
        gap = f"\n[… {missing} bytes left out …]\n".encode() if missing else b""
        return bytes(self._head) + gap + tail

    def end(self, lines: int = 30) -> str:
        """The last lines for a person, without control characters."""
        text = self.content().decode(errors="replace").replace("\r", "\n")
        clean = "".join(letter for letter in text if letter.isprintable() or letter in "\n\t")
        return "\n".join([line for line in clean.splitlines() if line.strip()][-lines:])
