# SPDX-License-Identifier: BSD-3-Clause
"""What the hub tells the course page when it starts it."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from labroom.hub_config.courses import Course, read_season


class SettingsError(RuntimeError):
    """The course page was started without something it needs; the message says what."""


@dataclass(frozen=True)
class Settings:
    """Addresses, the service's own client, and the season. Paths end with a slash."""

    host: str
    port: int
    prefix: str
    hub_path: str
    hub_api: str
    client_id: str
    client_secret: str
    exchange: str
    title: Mapping[str, str]
    language: str
    courses: tuple[Course, ...]
    zone: tzinfo | None

    def course_title(self, course: str, language: str) -> str:
        """The course's title in a language; its id when the season does not name it."""
        return next((c.title[language] for c in self.courses if c.id == course), course)


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the variables that JupyterHub and the launcher set; SettingsError names a missing one."""
    needed = (
        "JUPYTERHUB_SERVICE_URL",
        "JUPYTERHUB_SERVICE_PREFIX",
        "JUPYTERHUB_API_URL",
        "JUPYTERHUB_API_TOKEN",
        "LABROOM_EXCHANGE_URL",
        "LABROOM_COURSES",
    )
    missing = [name for name in needed if not environment.get(name)]
    if missing:
        raise SettingsError(
            f"not set: {', '.join(missing)}. The course page is started by JupyterHub as a service "
            "(see hub_config/classroom.py), with LABROOM_EXCHANGE_URL and LABROOM_COURSES in its environment."
        )
    address = urlsplit(environment["JUPYTERHUB_SERVICE_URL"])
    courses_file = Path(environment["LABROOM_COURSES"])
    season = read_season(courses_file)
    return Settings(
        host=address.hostname or "127.0.0.1",
        port=address.port or 80,
        prefix=environment["JUPYTERHUB_SERVICE_PREFIX"].rstrip("/") + "/",
        hub_path=environment.get("JUPYTERHUB_BASE_URL", "/").rstrip("/") + "/hub/",
        hub_api=environment["JUPYTERHUB_API_URL"].rstrip("/"),
        client_id=environment.get("JUPYTERHUB_CLIENT_ID") or "service-portal",
        client_secret=environment["JUPYTERHUB_API_TOKEN"],
        exchange=environment["LABROOM_EXCHANGE_URL"].rstrip("/"),
        title=season.title,
        language=season.language,
        courses=season.courses,
        zone=season_zone(courses_file),
    )


def season_zone(courses_file: Path) -> tzinfo | None:
    """The zone in which the season tells the time.

    ``season.timezone`` if given, else the zone in which the first due date is written, else None for the
    machine's own.
    """
    raw = tomllib.loads(courses_file.read_text(encoding="utf-8"))
    name = raw.get("season", {}).get("timezone")
    if name:
        return ZoneInfo(name)
    for course in raw.get("course", []):
        for due in course.get("due", {}).values():
            offset = due.utcoffset() if isinstance(due, datetime) else None
            if offset is not None and offset != timedelta(0):
                return timezone(offset)
    return None
