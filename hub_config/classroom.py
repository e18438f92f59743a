# SPDX-License-Identifier: BSD-3-Clause
"""From ``courses.toml`` to JupyterHub settings: groups, roles, services, limits.

Functions here only set or append on the traitlets config ``c`` they are given; they keep what is
there (a Kubernetes chart sets the same lists) and run on JupyterHub 5.5 and 6.
"""

import sys
from collections.abc import Mapping
from typing import Any

from .courses import Course, Season

Config = Any
Role = dict[str, Any]

# What a program in a person's server may do with its own token: hand in, and know who it is.
SERVER_TOKEN_SCOPES = (
    "access:services!service=exchange",
    "read:users:name!user",
    "read:users:groups!user",
    "users:activity!user",
    "access:servers!server",
)
# What the course page may do in the name of the person who looks at it.
PORTAL_SCOPES = (
    "access:services!service=exchange",
    "read:users:name!user",
    "read:users:groups!user",
    "read:servers!user",
)
OPERATOR_SCOPES = (
    "access:services!service=exchange",
    "list:users",
    "read:users",
    "list:groups",
    "read:groups",
    "read:hub",
    "servers",
    "tokens",
)
EXCHANGE_SCOPES = ("list:users", "read:users", "list:groups", "read:groups")
CULLER_SCOPES = ("list:users", "read:users:activity", "read:servers", "delete:servers")


def add_role(c: Config, role: Role) -> None:
    """Append a role, or widen the one of the same name by the scopes and members that it lacks."""
    roles = _list(c.JupyterHub, "load_roles")
    for known in roles:
        if known["name"] == role["name"]:
            for key in ("scopes", "users", "groups", "services"):
                if key in role:
                    old = list(known.get(key, []))
                    known[key] = old + [entry for entry in role[key] if entry not in old]
            return
    roles.append(dict(role))


def add_service(c: Config, service: Mapping[str, Any]) -> None:
    """Append a service, or complete the one of the same name, whose own entries win."""
    services = _list(c.JupyterHub, "services")
    for known in services:
        if known["name"] == service["name"]:
            for key, value in service.items():
                known.setdefault(key, value)
            return
    services.append(dict(service))


def _list(section: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(section.get(name), list):
        setattr(section, name, [])
    found: list[dict[str, Any]] = section[name]
    return found


def use_people(c: Config, season: Season) -> None:
    """Roles of everybody and of each course's authors, and the grader users, from the season."""
    everybody = ["self", "access:services!service=exchange", "access:services!service=portal"]
    add_role(c, {"name": "user", "scopes": everybody})
    for course in season.courses:
        add_role(c, author_role(course))
    # Naming the grader users in a role makes the hub create them. They never sign in.
    add_role(
        c,
        {
            "name": "course-graders",
            "description": "Holders of the courses' gradebooks; opened by authors, never signed in to",
            "scopes": ["read:users:name!user"],
            "users": [course.grader for course in season.courses],
        },
    )
    c.Spawner.server_token_scopes = list(SERVER_TOKEN_SCOPES)
    use_no_confirmation(c, [f"jupyterhub-user-{course.grader}" for course in season.courses])


def use_no_confirmation(c: Config, clients: list[str]) -> None:
    """Spare people the page "Authorize access" for these: they are the hub's own."""
    settings = dict(c.JupyterHub.get("tornado_settings") or {})
    # Replaces the hub's own list, so services that asked for the same must be in it.
    asked = [f"service-{s['name']}" for s in _list(c.JupyterHub, "services") if s.get("oauth_no_confirm")]
    settings["oauth_no_confirm_list"] = {*settings.get("oauth_no_confirm_list", ()), *asked, *clients}
    c.JupyterHub.tornado_settings = settings


def author_role(course: Course) -> Role:
    """Role that lets the authors of one course start and open this course's grader server."""
    grader = course.grader
    return {
        "name": f"author-{course.id}",
        "description": f"Grades {course.id}",
        "scopes": [
            f"access:servers!user={grader}",
            f"servers!user={grader}",
            f"read:servers!user={grader}",
            f"read:users:name!user={grader}",
        ],
        "groups": [course.author_group],
    }


def use_exchange_service(c: Config, service: Mapping[str, Any]) -> None:
    """Announce the exchange (``service``: url, command, environment …) and let it look up who is who."""
    add_service(c, {"name": "exchange", "display": False, **service})
    add_role(c, {"name": "exchange", "scopes": list(EXCHANGE_SCOPES), "services": ["exchange"]})


def use_portal_service(c: Config, service: Mapping[str, Any]) -> None:
    """Announce the course page; it acts in the name of its visitor, without asking each time."""
    portal = {
        "name": "portal",
        "display": False,
        "oauth_no_confirm": True,
        "oauth_client_allowed_scopes": list(PORTAL_SCOPES),
        **service,
    }
    add_service(c, portal)
    use_no_confirmation(c, [])


def use_operator(c: Config, token: str) -> None:
    """A token for the operator's own commands: mint tokens, look people up, use the exchange."""
    add_service(c, {"name": "operator", "api_token": token, "display": False})
    add_role(c, {"name": "operator", "scopes": list(OPERATOR_SCOPES), "services": ["operator"]})


def use_culling(c: Config, server_seconds: int = 3600) -> None:
    """Stop servers in which nothing has happened for ``server_seconds``; homes keep everything."""
    command = [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={server_seconds}"]
    add_service(c, {"name": "idle-culler", "command": command, "display": False})
    add_role(c, {"name": "idle-culler", "scopes": list(CULLER_SCOPES), "services": ["idle-culler"]})


def use_patience(c: Config, cores: int) -> None:
    """Limits for a class that arrives at once: with the stock 30 s most of twenty people fail."""
    c.Spawner.http_timeout = 150
    c.Spawner.start_timeout = 150
    c.Spawner.poll_interval = 15
    c.JupyterHub.concurrent_spawn_limit = max(8, 4 * cores)
