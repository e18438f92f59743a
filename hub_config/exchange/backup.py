# SPDX-License-Identifier: BSD-3-Clause
"""Backs an exchange up while it runs, and restores it; both count and check every byte."""

import hashlib
import os
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from .blobs import Blobs, FolderBlobs, open_blobs
from .database import Database, database_is_empty, make_engine, upgrade
from .models import Audit, Submission, Table
from .receipts import load_or_make_key, sync_folder, verify
from .settings import Settings
from .store import wanted_blobs

KEY, DATABASE, BLOBS = "signing.key", "exchange.sqlite", "blobs"
_ROWS = 500


class BackupError(Exception):
    """Not done; the message (中文 and English) says why and what to do."""


@dataclass(frozen=True)
class Account:
    """What a backup or a restored exchange holds."""

    submissions: int
    blobs: int
    bytes: int
    folder: Path


def back_up(
    settings: Settings, destination: Path, progress: Callable[[int, int], None] | None = None
) -> Account:
    """Copies database, blobs and key to a new folder, checks it, and only then gives it its name.

    The service may run meanwhile: the database is copied as of one moment and blobs are never
    changed. Blobs are hard-linked where the file system allows. BackupError when the destination
    exists or something is missing or damaged.
    """
    destination = destination.absolute()
    if os.path.lexists(destination):
        raise BackupError(f"{destination} 已经存在，请换一个名字。 {destination} exists; give another name.")
    if not settings.key_file.exists():
        raise BackupError(
            f"{settings.folder} 不是交换服务的文件夹。 {settings.folder} is not an exchange's folder."
        )
    destination.parent.mkdir(parents=True, exist_ok=True)
    part = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}.part")
    part.mkdir(mode=0o700)
    try:
        # The database first: each blob that its rows name is on disk already.
        _copy_database(settings, part / DATABASE)
        shutil.copyfile(settings.key_file, part / KEY)
        (part / KEY).chmod(0o600)
        _copy_blobs(open_blobs(settings.folder, settings.blobs), part, progress)
        account = check_folder(part)
        _sync_tree(part)
        part.rename(destination)
        sync_folder(destination.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Account(account.submissions, account.blobs, account.bytes, destination)


def restore(backup: Path, settings: Settings, *, force: bool = False) -> Account:
    """Puts a backup into an exchange's folder, and its database and blobs where those are elsewhere.

    Checked before anything is touched. BackupError when there is an exchange already, unless
    ``force``; even then the old folder is kept beside it, under a name with ``before-restore``.
    """
    check_folder(backup)
    folder = settings.folder
    elsewhere = not settings.database.startswith("sqlite")
    if elsewhere and not database_is_empty(settings.database):
        raise BackupError(
            "目标数据库不是空的；请给一个空的数据库。 The database is not empty; give an empty one."
        )
    if folder.exists() and any(folder.iterdir()):
        if not force:
            raise BackupError(
                f"{folder}: 里面已有内容；要替换请加 --force。 Not empty; to replace it, say --force."
            )
        if _in_use(folder / DATABASE):
            raise BackupError("交换服务还在运行，请先停止。 The exchange is still running; stop it first.")
        folder.rename(folder.with_name(f"{folder.name}.before-restore-{secrets.token_hex(4)}"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        shutil.copytree(backup, part)
        part.chmod(0o700)
        (part / KEY).chmod(0o600)
        _sync_tree(part)
        if folder.exists():
            folder.rmdir()
        part.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    account = check_folder(folder)
    _move_elsewhere(settings)
    return Account(account.submissions, account.blobs, account.bytes, folder)


def check_folder(folder: Path) -> Account:
    """Checks that a backup is whole: every blob is there with its hash, every receipt's signature holds."""
    if not (folder / KEY).is_file() or not (folder / DATABASE).is_file():
        raise BackupError(f"{folder} 不是备份。 {folder} is not a backup: {KEY} or {DATABASE} is missing.")
    signer = load_or_make_key(folder / KEY)
    database = Database(f"sqlite:///{folder / DATABASE}")
    try:
        upgrade(database)
        with database.reading() as session:
            count = 0
            for row in session.scalars(select(Submission).execution_options(yield_per=_ROWS)):
                count += 1
                if (
                    not verify(row.receipt, signer.public).good
                    or row.receipt["receipt"]["sha256"] != row.sha256
                ):
                    raise BackupError(
                        f"{row.id}: 回执的签名不对。 {row.id}: the receipt's signature is wrong."
                    )
        wanted = wanted_blobs(database)
    finally:
        database.close()
    blobs = open_blobs(folder, None)
    size = sum(_checked_size(blobs, name) for name in sorted(wanted))
    return Account(count, len(wanted), size, folder)


def _checked_size(blobs: Blobs, name: str) -> int:
    digest, size = hashlib.sha256(), 0
    try:
        with blobs.open(name) as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                size += len(piece)
    except FileNotFoundError as error:
        raise BackupError(f"缺少内容 {name}。 The bytes {name} are missing.") from error
    if digest.hexdigest() != name:
        raise BackupError(f"内容 {name} 已损坏。 The bytes {name} are damaged.")
    return size


def _copy_database(settings: Settings, target: Path) -> None:
    if settings.database.startswith("sqlite"):
        source = settings.database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
        return
    _copy_tables(settings.database, f"sqlite:///{target}")


def _copy_tables(source_url: str, target_url: str) -> None:
    """Copies every row to an empty database, as of one moment."""
    target = Database(target_url)
    upgrade(target)
    source = make_engine(source_url)
    try:
        level = {} if source.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with source.connect().execution_options(**level) as reading, Session(target.engine) as writing:
            for table in Table.metadata.sorted_tables:
                result = reading.execute(select(table)).mappings()
                while rows := result.fetchmany(_ROWS):
                    writing.execute(insert(table), [dict(row) for row in rows])
            if target.engine.dialect.name == "postgresql":
                last = writing.scalar(select(func.max(Audit.id)))
                if last:
                    writing.execute(select(func.setval(func.pg_get_serial_sequence("audit", "id"), last)))
            writing.commit()
    finally:
        source.dispose()
        target.close()


def _copy_blobs(source: Blobs, part: Path, progress: Callable[[int, int], None] | None) -> None:
    database = Database(f"sqlite:///{part / DATABASE}")
    names = sorted(wanted_blobs(database))
    database.close()
    for done, name in enumerate(names, start=1):
        target = part / BLOBS / name[:2] / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _linked(source, name, target):
            try:
                with source.open(name) as reading, target.open("xb") as writing:
                    shutil.copyfileobj(reading, writing, 1 << 20)
            except FileNotFoundError as error:
                raise BackupError(f"缺少内容 {name}。 The bytes {name} are missing.") from error
        if progress is not None:
            progress(done, len(names))


def _linked(source: Blobs, name: str, target: Path) -> bool:
    if not isinstance(source, FolderBlobs):
        return False
    try:
        os.link(source.path(name), target)
    except OSError:
        return False
    return True


def _move_elsewhere(settings: Settings) -> None:
    """After a restore: rows and bytes to the addresses that the server uses instead of the folder."""
    if not settings.database.startswith("sqlite"):
        _copy_tables(f"sqlite:///{settings.folder / DATABASE}", settings.database)
        (settings.folder / DATABASE).unlink()
    if settings.blobs:
        local, remote = open_blobs(settings.folder, None), open_blobs(settings.folder, settings.blobs)
        for name, _ in list(local.names()):
            remote.keep(settings.folder / BLOBS / name[:2] / name, name)


def _in_use(database: Path) -> bool:
    """Whether another process has the SQLite database open: it then cannot be locked exclusively."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.rollback()
        except sqlite3.OperationalError:
            return True
    return False


def _sync_tree(folder: Path) -> None:
    folders: Iterable[Path] = [folder, *(p for p in folder.rglob("*") if p.is_dir())]
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    for path in folders:
        sync_folder(path)
