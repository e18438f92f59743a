# SPDX-License-Identifier: BSD-3-Clause
"""Sign-in without system users: a name, and the password of the class or of the authors."""

import asyncio
import time
from collections import deque
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from sqlalchemy.orm import object_session
from tornado.web import HTTPError
from traitlets import Bool, List, Unicode, default

from labroom.hub_config.courses import GRADER_PREFIX, PERSON_NAME, Season, read_season

from .passwords import matches, read_hashes


class Throttle:
    """Counts failures by key; a key that failed too often must wait."""

    def __init__(self, allowed: int, seconds: float) -> None:
        self.allowed, self.seconds = allowed, seconds
        self._failures: dict[str, deque[float]] = {}

    def wait(self, key: str) -> float:
        """Seconds until this key may try again; 0 for now."""
        times = self._recent(key)
        return 0.0 if len(times) < self.allowed else max(0.0, times[0] + self.seconds - time.monotonic())

    def failed(self, key: str) -> None:
        """Count a failure."""
        if len(self._failures) > 10_000:
            self._failures = {k: v for k, v in self._failures.items() if self._recent(k)}
        self._failures.setdefault(key, deque(maxlen=self.allowed)).append(time.monotonic())

    def forget(self, key: str) -> None:
        """Start again after a success."""
        self._failures.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        times = self._failures.get(key, deque())
        while times and times[0] + self.seconds < time.monotonic():
            times.popleft()
        return times


class ClassroomAuthenticator(Authenticator):
    """Anybody with the class password is a learner; the season's authors need the authors' password."""

    courses_file = Unicode(help="The season's courses.toml").tag(config=True)
    password_file = Unicode(help="JSON file with the hash of each password").tag(config=True)
    people = List(Unicode(), help="If not empty, only these may sign in").tag(config=True)
    manage_groups = Bool(True).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.season: Season = read_season(Path(self.courses_file))
        # A whole class shares one address, so the wide limit is for the address, the narrow one for a name.
        self._by_name = Throttle(allowed=8, seconds=60)
        self._by_address = Throttle(allowed=120, seconds=60)

    @default("allow_all")
    def _allow_whom_authenticate_accepts(self) -> bool:
        return True

    def normalize_username(self, username: str) -> str:
        """Names are small letters; a phone's capital first letter or a blank at the end does no harm."""
        name = username.strip()
        # A course id may have capitals. Nobody signs in by such a name.
        return name if name.startswith(GRADER_PREFIX) else name.lower()

    def validate_username(self, username: str) -> bool:
        """Whether the hub may know this name at all (grader users included)."""
        return bool(username) and PERSON_NAME.match(username.removeprefix(GRADER_PREFIX).lower()) is not None

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any] | None:
        """Name and groups of who has the right password; None for a wrong one, 429 after many wrong ones."""
        name = self.normalize_username(data.get("username") or "")
        password = data.get("password") or ""
        address = getattr(getattr(handler, "request", None), "remote_ip", "") or ""
        key = f"{name[:64]}@{address}"
        wait = max(self._by_name.wait(key), self._by_address.wait(address))
        if wait > 0:
            seconds = int(wait) + 1
            raise HTTPError(
                429, f"试得太多了，请等 {seconds} 秒再试。 Too many tries: wait {seconds} s, then try again."
            )
        if await self._accepts(name, password):
            self._by_name.forget(key)
            return {"name": name, "groups": self.season.groups_of(name)}
        self._by_name.failed(key)
        self._by_address.failed(address)
        return None

    async def _accepts(self, name: str, password: str) -> bool:
        if not PERSON_NAME.match(name) or name.startswith(GRADER_PREFIX):
            return False
        if self.people and name not in self.people:
            return False
        role = "author" if self.season.is_author(name) else "class"
        stored = read_hashes(Path(self.password_file))[role]
        return await asyncio.to_thread(matches, password, stored)

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Groups follow courses.toml for people who are signed in; who was taken out must sign in again."""
        if user.name.startswith(GRADER_PREFIX):
            return True
        if self.people and user.name not in self.people:
            return False
        return {"name": user.name, "groups": self.season.groups_of(user.name)}

    def add_user(self, user: Any) -> None:
        """Bring the groups of a user whom the hub knows or makes into line with courses.toml."""
        super().add_user(user)
        row = user.orm_user if hasattr(user, "orm_user") else user
        session = object_session(row)
        if session is None:
            return
        groups = []
        for name in self.season.groups_of(row.name):
            group = orm.Group.find(session, name)
            if group is None:
                group = orm.Group(name=name)
                session.add(group)
            groups.append(group)
        row.groups = groups
        session.commit()
