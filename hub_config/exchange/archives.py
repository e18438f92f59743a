# SPDX-License-Identifier: BSD-3-Clause
"""Folders as tar.gz and back: same folder, same bytes; and nothing gets out of its folder."""

import gzip
import hashlib
import os
import re
import secrets
import shutil
import tarfile
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .messages import Refused
from .settings import MIB, Limits
from .tarball import TarStream

_DRIVE = re.compile(r"[A-Za-z]:")
# Direction marks make `gnp.exe` read as something else.
_DIRECTION_MARKS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FREE_RATIO = 16 * MIB
NOT_SUBMITTED = frozenset({"lab.py", "lab.ttf", "lab.json", "data", "__pycache__", "feedback"})


@dataclass(frozen=True)
class Contents:
    """What a checked archive holds: sha256 by file name, and its size unpacked in bytes."""

    files: Mapping[str, str]
    unpacked: int


class NameCheck:
    """Lets each name through once; Refused for unsafe names, duplicates, and files used as folders."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def clean(self, name: str, *, folder: bool) -> str:
        """The name without ``./`` and trailing ``/``; '' for the archive's own root folder."""
        parts = [part for part in name.split("/") if part != "."]
        if folder:
            while parts and parts[-1] == "":
                parts.pop()
            if not parts and not name.startswith("/"):
                return ""
        if not parts or not all(_safe_part(part) for part in parts) or len(parts) > 16:
            raise Refused("archive-name", name[:200])
        if len(name.encode()) > 1000 or _DRIVE.match(parts[0]):
            raise Refused("archive-name", name[:200])
        keys = [
            unicodedata.normalize("NFC", "/".join(parts[:n])).casefold() for n in range(1, len(parts) + 1)
        ]
        if any(key in self._files for key in keys) or (not folder and keys[-1] in self._folders):
            raise Refused("archive-collision", name[:200])
        self._folders.update(keys if folder else keys[:-1])
        if not folder:
            self._files.add(keys[-1])
        return "/".join(parts)


def _safe_part(part: str) -> bool:
    if part in ("", ".", "..") or "\\" in part or len(part.encode("utf-8", "surrogatepass")) > 255:
        return False
    return not any(unicodedata.category(c) in ("Cc", "Cs") or c in _DIRECTION_MARKS for c in part)


def inspect(archive: BinaryIO, size: int, limits: Limits, into: Path | None = None) -> Contents:
    """Reads a tar.gz of ``size`` bytes to its end, says what is in it, and with ``into`` writes it there.

    Raises Refused (``not-gzip``, ``archive-*``) at the first fault. What was written until then is
    for the caller to remove; ``unpack`` does.
    """
    stream = TarStream(archive, unpacked_limit=limits.unpacked, member_limit=limits.members)
    names = NameCheck()
    files: dict[str, str] = {}
    for member in stream.members():
        name = names.clean(member.name, folder=member.folder)
        if member.folder:
            if into is not None and name:
                (into / name).mkdir(parents=True, exist_ok=True)
            continue
        files[name] = _take(stream, None if into is None else into / name)
        if stream.unpacked > max(_FREE_RATIO, limits.ratio * size):
            raise Refused("archive-bomb", f"> {limits.ratio} : 1")
    if not files:
        raise Refused("archive-empty")
    return Contents(dict(sorted(files.items())), stream.unpacked)


def _take(stream: TarStream, target: Path | None) -> str:
    digest = hashlib.sha256()
    if target is None:
        for piece in stream.data():
            digest.update(piece)
        return digest.hexdigest()
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        for piece in stream.data():
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def unpack(archive: Path, into: Path, limits: Limits, *, replace: bool = False) -> Contents:
    """Unpacks a tar.gz as the folder ``into``: all of it or nothing.

    Written beside it under a name that says it is unfinished, then renamed. Refused
    ``folder-exists`` when ``into`` is there, unless ``replace``.
    """
    if os.path.lexists(into) and not replace:
        raise Refused("folder-exists", str(into))
    into.parent.mkdir(parents=True, exist_ok=True)
    part = into.with_name(f".{into.name}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        with archive.open("rb") as file:
            contents = inspect(file, archive.stat().st_size, limits, into=part)
        if replace and os.path.lexists(into):
            old = into.with_name(f".{into.name}.{secrets.token_hex(4)}.old")
            into.rename(old)
            part.rename(into)
            shutil.rmtree(old)
        else:
            part.rename(into)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return contents


def read_file(archive: BinaryIO, wanted: str, limits: Limits) -> bytes | None:
    """Content of one file of a checked archive, or None."""
    stream = TarStream(archive, unpacked_limit=limits.unpacked, member_limit=limits.members)
    names = NameCheck()
    for member in stream.members():
        if names.clean(member.name, folder=member.folder) == wanted and not member.folder:
            return b"".join(stream.data())
    return None


def files_to_submit(folder: Path) -> list[Path]:
    """A lab folder's files that are handed in: not the lab's own parts, nothing hidden. Sorted."""
    return sorted(_walk(folder, skip=NOT_SUBMITTED))


def all_files(folder: Path) -> list[Path]:
    """Every file of a folder, but nothing hidden and no caches. Sorted."""
    return sorted(_walk(folder, skip=frozenset({"__pycache__"})))


def _walk(folder: Path, skip: frozenset[str], depth: int = 0) -> Iterable[Path]:
    for path in folder.iterdir():
        # The lab's own parts lie at the top; deeper down the names are the learner's.
        if path.name.startswith(".") or path.name == "__pycache__" or (depth == 0 and path.name in skip):
            continue
        if path.is_symlink():
            raise Refused("archive-link", str(path))
        if path.is_dir():
            yield from _walk(path, skip, depth + 1)
        elif path.is_file():
            yield path


def pack(folder: Path, files: Iterable[Path], target: BinaryIO) -> str:
    """Writes the files of a folder as tar.gz; the same files give the same bytes. Returns the sha256.

    Refused ``archive-empty`` without files, ``archive-name`` or ``archive-collision`` for names
    that the exchange would not take.
    """
    hashing = _HashingWriter(target)
    names = NameCheck()
    count = 0
    with (
        gzip.GzipFile(filename="", fileobj=hashing, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in files:
            info = tarfile.TarInfo(names.clean(path.relative_to(folder).as_posix(), folder=False))
            with path.open("rb") as file:
                info.size = os.fstat(file.fileno()).st_size
                info.mode = 0o644
                tar.addfile(info, file)
            count += 1
    if count == 0:
        raise Refused("archive-empty", str(folder))
    return hashing.digest.hexdigest()


class _HashingWriter:
    """Passes writes on and hashes them."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._target.write(data)

    def flush(self) -> None:
        self._target.flush()
