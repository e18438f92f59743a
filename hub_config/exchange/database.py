# SPDX-License-Identifier: BSD-3-Clause
"""Opens the exchange's database, brings its tables up to date, and gives short, durable transactions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, inspect, text
from sqlalchemy.orm import Session

MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE_LOCK = 7_310_001


class Database:
    """One engine. SQLite writers queue up here instead of polling each other's lock."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._writer = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that sees one consistent state and changes nothing."""
        with Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self, queue: str) -> Iterator[Session]:
        """One transaction, on disk when this returns. Those of the same queue come one after the other.

        Rolled back when the body raises.
        """
        if self.sqlite:
            with self._writer, Session(self.engine) as session:
                session.connection(execution_options={"immediate": True})
                yield session
                session.commit()
        else:
            with Session(self.engine) as session:
                session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:q, 0))"), {"q": queue})
                yield session
                session.commit()

    def close(self) -> None:
        """Lets go of all connections."""
        self.engine.dispose()


def make_engine(url: str) -> Engine:
    """Engine for an address; SQLite in WAL mode, every commit synced, foreign keys enforced."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20)
    engine = create_engine(
        url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=10, max_overflow=40
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        # Python's own sqlite3 module would otherwise decide when a transaction begins.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        immediate = connection.get_execution_options().get("immediate", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def upgrade(database: Database) -> None:
    """Makes or updates the tables. Two services that start together do it once."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    options = {"immediate": True} if database.sqlite else {}
    with database.engine.connect().execution_options(**options) as connection, connection.begin():
        if not database.sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def database_is_empty(url: str) -> bool:
    """Whether a database has no table yet."""
    engine = make_engine(url)
    try:
        return not inspect(engine).get_table_names()
    finally:
        engine.dispose()
