# SPDX-License-Identifier: BSD-3-Clause
"""Who is asking: the hub says so, by the token that came with the request, and nobody else."""

import hashlib
import time
from dataclasses import dataclass, field
from typing import Literal

import httpx

from .messages import Refused

Role = Literal["instructor", "learner"]
LEARNERS = "nbgrader-"
AUTHORS = "formgrade-"
GRADER = "grader-"
_CACHE_SIZE = 5000


@dataclass(frozen=True)
class Person:
    """A person as the hub knows them."""

    name: str
    groups: frozenset[str]

    def role(self, course: str) -> Role | None:
        """What the person is in a course; an author who is also in the learners' group is an author."""
        if AUTHORS + course in self.groups or self.name == GRADER + course:
            return "instructor"
        return "learner" if self.learns(course) else None

    def learns(self, course: str) -> bool:
        """Whether the person is in the course's learners' group."""
        return LEARNERS + course in self.groups

    def courses(self) -> dict[str, Role]:
        """Every course of the person, with the role, by name."""
        names = {group.removeprefix(AUTHORS) for group in self.groups if group.startswith(AUTHORS)}
        names |= {group.removeprefix(LEARNERS) for group in self.groups if group.startswith(LEARNERS)}
        if self.name.startswith(GRADER):
            names.add(self.name.removeprefix(GRADER))
        roles = {name: self.role(name) for name in sorted(names)}
        return {name: role for name, role in roles.items() if role}


@dataclass
class HubIdentity:
    """Asks the hub, remembers the answer for a few seconds. Tokens are kept as hashes only."""

    client: httpx.AsyncClient
    hub_api: str
    access_scopes: frozenset[str]
    seconds: float
    _known: dict[str, tuple[float, Person]] = field(default_factory=dict)

    async def person(self, authorization: str | None) -> Person:
        """The person behind an Authorization header.

        Refused ``not-signed-in``, ``not-a-person``, ``no-access``, ``no-groups`` or ``hub-unreachable``.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        token = token.strip()
        if scheme.lower() not in ("token", "bearer") or not token or not token.isascii():
            raise Refused("not-signed-in")
        key = hashlib.sha256(token.encode()).hexdigest()
        known = self._known.get(key)
        if known and known[0] > time.monotonic():
            return known[1]
        person = await self._ask(token)
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[key] = (time.monotonic() + self.seconds, person)
        return person

    async def _ask(self, token: str) -> Person:
        try:
            answer = await self.client.get(
                f"{self.hub_api}/user", headers={"Authorization": f"token {token}"}, timeout=20
            )
        except httpx.HTTPError as error:
            raise Refused("hub-unreachable", type(error).__name__) from error
        if answer.status_code in (401, 403, 404):
            raise Refused("not-signed-in")
        if answer.status_code != 200:
            raise Refused("hub-unreachable", answer.status_code)
        model = answer.json()
        if model.get("kind") != "user":
            raise Refused("not-a-person")
        if not self.access_scopes.intersection(model.get("scopes", [])):
            raise Refused("no-access")
        if "groups" not in model:
            raise Refused("no-groups")
        return Person(model["name"], frozenset(model["groups"]))
