# SPDX-License-Identifier: BSD-3-Clause
"""A small, strict tar reader: plain files and folders only, everything bounded.

The standard library's reader is made to read every tar there is. A hostile archive can make it
allocate what a header claims, recurse once per header, or follow links; and Debian 12's Python
lacks its ``filter=``. What the exchange takes is so little that reading it ourselves is safer,
and one reader for checking and unpacking means that both see the same files.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .messages import Refused

BLOCK = 512
CHUNK = 64 * 1024
_EXTRA_LIMIT = 64 * 1024
_LINKS = {b"1", b"2"}
_FILES = {b"0", b"\0", b"7"}


@dataclass(frozen=True)
class Member:
    """One entry: its name as written, whether it is a folder, its size in bytes."""

    name: str
    folder: bool
    size: int


class TarStream:
    """Walks a gzipped tar once, front to back. Raises Refused with a stable code at the first fault."""

    def __init__(self, compressed: BinaryIO, *, unpacked_limit: int, member_limit: int) -> None:
        self._gzip = gzip.GzipFile(fileobj=compressed, mode="rb")
        self._limit = unpacked_limit
        self._members = member_limit
        self._left = 0
        self._padding = 0
        self.unpacked = 0

    def members(self) -> Iterator[Member]:
        """Entries in order. Call ``data()`` or not before going on; what is not read is skipped."""
        count = 0
        while True:
            self._skip_rest()
            member = self._next_member()
            if member is None:
                return
            count += 1
            if count > self._members:
                raise Refused("archive-too-many", f"> {self._members}")
            self._left = 0 if member.folder else member.size
            self._padding = -self._left % BLOCK
            yield member

    def data(self) -> Iterator[bytes]:
        """Content of the entry that was just given, in pieces."""
        while self._left:
            piece = self._read(min(CHUNK, self._left))
            self._left -= len(piece)
            yield piece

    def _next_member(self) -> Member | None:
        path: str | None = None
        size: int | None = None
        extras = 0
        while True:
            header = self._read_header()
            if header is None:
                if extras:
                    raise Refused("archive-truncated")
                self._drain()
                return None
            kind = header[156:157]
            length = _octal(header[124:136])
            if kind in (b"x", b"g", b"L"):
                extras += 1
                if length > _EXTRA_LIMIT or extras > 4:
                    raise Refused("archive-name", "extended header")
                raw = self._read(length)
                self._read(-length % BLOCK)
                if kind == b"L":
                    path = _text(raw.rstrip(b"\0"))
                elif kind == b"x":
                    values = _pax(raw)
                    path = values.get("path", path)
                    size = _pax_size(values) if "size" in values else size
                continue
            name = path if path is not None else _header_name(header)
            if kind in _LINKS:
                raise Refused("archive-link", name[:200])
            if kind == b"5" or (kind in _FILES and name.endswith("/")):
                return Member(name, folder=True, size=0)
            if kind not in _FILES:
                raise Refused("archive-special", name[:200])
            return Member(name, folder=False, size=length if size is None else size)

    def _read_header(self) -> bytes | None:
        header = self._read(BLOCK)
        if header.count(0) == BLOCK:
            return None
        stated = _octal(header[148:156])
        if stated != sum(header[:148]) + 8 * 32 + sum(header[156:]):
            raise Refused("archive-damaged", "header checksum")
        return header

    def _skip_rest(self) -> None:
        for _ in self.data():
            pass
        self._read(self._padding)
        self._padding = 0

    def _drain(self) -> None:
        """Read to the end, so that gzip's own checksum is looked at and nothing large hides there."""
        while piece := self._raw(CHUNK):
            if piece.count(0) != len(piece):
                raise Refused("archive-damaged", "data after the end")

    def _read(self, count: int) -> bytes:
        parts = []
        while count > 0:
            piece = self._raw(min(count, CHUNK))
            if not piece:
                raise Refused("archive-truncated")
            parts.append(piece)
            count -= len(piece)
        return b"".join(parts)

    def _raw(self, count: int) -> bytes:
        try:
            piece = self._gzip.read(count)
        except EOFError as error:
            raise Refused("archive-truncated") from error
        except gzip.BadGzipFile as error:
            raise Refused("not-gzip", str(error)) from error
        except zlib.error as error:
            raise Refused("archive-damaged", str(error)) from error
        self.unpacked += len(piece)
        if self.unpacked > self._limit:
            raise Refused("archive-bomb", f"> {self._limit} bytes")
        return piece


def _octal(field: bytes) -> int:
    text = field.strip(b" \0")
    if not text:
        return 0
    try:
        value = int(text, 8)
    except ValueError as error:
        raise Refused("archive-damaged", "number in a header") from error
    if value < 0:
        raise Refused("archive-damaged", "number in a header")
    return value


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("archive-name", "not UTF-8") from error


def _header_name(header: bytes) -> str:
    name = _text(header[:100].split(b"\0", 1)[0])
    if header[257:263] == b"ustar\0":
        prefix = _text(header[345:500].split(b"\0", 1)[0])
        return f"{prefix}/{name}" if prefix else name
    return name


def _pax(raw: bytes) -> dict[str, str]:
    """Records ``LENGTH KEY=VALUE\\n`` of a pax header."""
    values: dict[str, str] = {}
    while raw and raw[:1] != b"\0":
        length, space, _ = raw.partition(b" ")
        if not space or not length.isdigit() or len(length) > 8 or not 5 <= int(length) <= len(raw):
            raise Refused("archive-damaged", "extended header")
        record, raw = raw[len(length) + 1 : int(length)], raw[int(length) :]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise Refused("archive-damaged", "extended header")
        if key.startswith(b"GNU.sparse") or key in (b"linkpath", b"hdrcharset"):
            raise Refused("archive-special", _text(key)[:50])
        values[_text(key)] = _text(value[:-1])
    return values


def _pax_size(values: dict[str, str]) -> int:
    text = values["size"]
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Refused("archive-damaged", "size in an extended header")
    return int(text)
