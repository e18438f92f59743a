# SPDX-License-Identifier: BSD-3-Clause
"""What the course page says, in Chinese and English; dates and spans in a person's words."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BEIJING = timedelta(hours=8)

WORDS: Mapping[str, Mapping[str, str]] = tomllib.loads(
    Path(__file__).with_name("words.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Speech:
    """Says things in one language and tells the time in one zone."""

    language: str
    zone: tzinfo | None
    now: datetime

    def say(self, name: str, /, **places: object) -> str:
        """A sentence by name."""
        return WORDS[name][self.language].format(**places)

    def of(self, text: Any) -> str:
        """A text that is given in both languages, or as one string, or not at all."""
        if isinstance(text, Mapping):
            other = "en" if self.language == "zh" else "zh"
            return str(text.get(self.language) or text.get(other) or "")
        return str(text or "")

    def moment(self, iso: str | None, *, seconds: bool = False, zone: bool = True) -> str:
        """A moment as a person says it: ``8月31日 23:59（北京时间）``, ``31 Aug 23:59 (UTC+8)``."""
        when = parse_moment(iso)
        if when is None:
            return ""
        local = when.astimezone(self.zone)
        clock = f"{local:%H:%M:%S}" if seconds else f"{local:%H:%M}"
        same_year = local.year == self.now.astimezone(self.zone).year and not seconds
        named = _zone_name(local, self.language) if zone else ""
        if self.language == "zh":
            year = "" if same_year else f"{local.year}年"
            return f"{year}{local.month}月{local.day}日 {clock}" + (f"（{named}）" if named else "")
        year = "" if same_year else f" {local.year}"
        return f"{local.day} {MONTHS[local.month - 1]}{year}, {clock}" + (f" ({named})" if named else "")

    def left(self, iso: str | None) -> str:
        """How long until a due date; empty when it has passed or there is none."""
        when = parse_moment(iso)
        if when is None or when <= self.now:
            return ""
        hours = int((when - self.now).total_seconds() // 3600)
        if hours >= 48:
            return self.say("days-left", n=hours // 24)
        if hours >= 24:
            return self.say("day-left")
        return self.say("hours-left", n=hours) if hours else self.say("soon")

    def passed(self, iso: str | None) -> bool:
        """Whether a due date is over."""
        when = parse_moment(iso)
        return when is not None and when <= self.now

    def bands(self, bands: Any) -> str:
        """School bands: ``5–9 年级`` and the like from ``["5-6", "7-9"]``."""
        names = [str(band) for band in (bands if isinstance(bands, list) else [bands] if bands else [])]
        numbered = [name.replace("-", "–") for name in names if name[:1].isdigit()]
        said = [self.say("grades", n=self._joined(numbered))] if numbered else []
        said += [self.say("senior") if name == "senior" else name for name in names if not name[:1].isdigit()]
        return self._joined(said)

    def points(self, value: Any) -> str:
        """A score without needless decimals; a dash for none."""
        if value is None:
            return "–"
        return f"{float(value):.2f}".rstrip("0").rstrip(".")

    def _joined(self, parts: list[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(parts)


def parse_moment(iso: str | None) -> datetime | None:
    """An aware moment from ISO 8601 (UTC where no zone stands), None for anything else."""
    try:
        when = datetime.fromisoformat(iso or "")
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def choose_language(cookie: str | None, accepted: str, otherwise: str) -> str:
    """What the person chose, else what her browser asks for, else what the season says."""
    if cookie in ("zh", "en"):
        return cookie
    wishes = []
    for position, wish in enumerate(accepted.split(",")[:20]):
        name, _, quality = wish.strip().partition(";q=")
        code = name.strip().lower()[:2]
        if code in ("zh", "en"):
            wishes.append((-_weight(quality), position, code))
    return min(wishes)[2] if wishes else otherwise


def _weight(quality: str) -> float:
    try:
        return float(quality or 1)
    except ValueError:
        return 0.0


def _zone_name(local: datetime, language: str) -> str:
    offset = local.utcoffset() or timedelta(0)
    if offset == BEIJING and language == "zh":
        return "北京时间"
    minutes = int(offset.total_seconds() // 60)
    sign, minutes = ("+" if minutes >= 0 else "−"), abs(minutes)
    if not minutes:
        return "UTC"
    return f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
