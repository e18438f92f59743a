# SPDX-License-Identifier: BSD-3-Clause
"""The exchange's memory: bytes, then one row, then a receipt. What blocks is called in threads."""

import hashlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from sqlalchemy import select

from .archives import Contents, inspect
from .blobs import Blobs, collect_garbage, open_blobs
from .database import Database, upgrade
from .messages import Refused
from .models import Assignment, Feedback, Submission
from .receipts import Signer, load_or_make_key
from .settings import MIB, Settings


@dataclass(frozen=True)
class Store:
    """Open database, blobs and key of one exchange."""

    settings: Settings
    database: Database
    blobs: Blobs
    signer: Signer

    @property
    def temporary(self) -> Path:
        """Where bodies are written while they arrive; on the blobs' own file system."""
        return self.settings.folder / "tmp"


@dataclass(frozen=True)
class Arrived:
    """A body that is wholly on disk under a temporary name."""

    path: Path
    sha256: str
    size: int


def open_store(settings: Settings) -> Store:
    """Opens or makes everything below the exchange's folder, private to its owner; clears old leftovers."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.folder.chmod(0o700)
    temporary = settings.folder / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    database = Database(settings.database)
    upgrade(database)
    blobs = open_blobs(settings.folder, settings.blobs)
    store = Store(settings, database, blobs, load_or_make_key(settings.key_file))
    collect_garbage(blobs, temporary, wanted_blobs(database))
    return store


def wanted_blobs(database: Database) -> set[str]:
    """Hashes that some row refers to."""
    with database.reading() as session:
        return {
            sha256
            for table in (Assignment, Submission, Feedback)
            for sha256 in session.scalars(select(table.sha256))
        }


def now() -> datetime:
    """The server's time, in UTC."""
    return datetime.now(UTC)


class Incoming:
    """Writes a body to a temporary file as it arrives, hashing it, and stops at the cap."""

    def __init__(self, folder: Path, cap: int) -> None:
        self._path = folder / f"{secrets.token_hex(16)}.part"
        self._file: BinaryIO = os.fdopen(
            os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        )
        self._digest = hashlib.sha256()
        self._cap = cap
        self._size = 0

    def add(self, data: bytes) -> None:
        """The next piece. Refused ``too-large`` or ``disk-full``."""
        self._size += len(data)
        if self._size > self._cap:
            raise Refused("too-large", f"> {self._cap} bytes")
        self._digest.update(data)
        with disk_errors():
            self._file.write(data)

    def finish(self) -> Arrived:
        """All there: on disk, not only in the cache."""
        with disk_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return Arrived(self._path, self._digest.hexdigest(), self._size)

    def drop(self) -> None:
        """Removes the temporary file if it is still there."""
        self._file.close()
        self._path.unlink(missing_ok=True)


@contextmanager
def disk_errors() -> Iterator[None]:
    """A full disk is an answer, not a crash."""
    import errno

    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Refused("disk-full") from error
        raise


async def receive(pieces: AsyncIterator[bytes], incoming: Incoming) -> Arrived:
    """Takes a whole body in; never writes on the event loop, never holds more than about 1 MiB."""
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        if len(buffer) >= MIB:
            await to_thread.run_sync(incoming.add, bytes(buffer))
            buffer.clear()
    if buffer:
        await to_thread.run_sync(incoming.add, bytes(buffer))
    return await to_thread.run_sync(incoming.finish)


def check(store: Store, arrived: Arrived, claimed_sha256: str | None) -> Contents:
    """What an arrived archive holds. Refused ``checksum-mismatch`` or one of the archive codes."""
    if claimed_sha256 and claimed_sha256.strip().lower() != arrived.sha256:
        raise Refused("checksum-mismatch", arrived.sha256)
    with arrived.path.open("rb") as file:
        return inspect(file, arrived.size, store.settings.limits)


def small_json(archive: Path, name: str, store: Store, code: str) -> dict[str, object] | None:
    """A JSON object from an arrived archive's root, or None. Refused with the code when it is not one."""
    from .archives import read_file

    with archive.open("rb") as file:
        raw = read_file(file, name, store.settings.limits)
    if raw is None:
        return None
    if len(raw) > MIB:
        raise Refused(code, f"{name}: > 1 MiB")
    try:
        value = json.loads(raw)
        # NUL and lone surrogates are JSON but no database keeps them; NaN is no JSON.
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise Refused(code, f"{name}: {error}"[:200]) from error
    if not isinstance(value, dict) or "\\u0000" in text:
        raise Refused(code, name)
    return value
