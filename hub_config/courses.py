# SPDX-License-Identifier: BSD-3-Clause
"""Reads ``courses.toml``: which courses there are, who writes them, who learns, and until when."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COURSE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
PERSON_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}\Z")
EVERYONE = "*"
GRADER_PREFIX = "grader-"


class CoursesError(ValueError):
    """``courses.toml`` cannot be used; the message says where and what to write instead."""


@dataclass(frozen=True)
class Course:
    """One course: folder name, titles by language, people, and due dates by lab (aware datetimes)."""

    id: str
    title: Mapping[str, str]
    source: Path
    authors: tuple[str, ...]
    learners: tuple[str, ...]
    due: Mapping[str, datetime]

    @property
    def learner_group(self) -> str:
        """Hub group of the course's learners (nbgrader's name)."""
        return f"nbgrader-{self.id}"

    @property
    def author_group(self) -> str:
        """Hub group of the course's authors and graders (nbgrader's name)."""
        return f"formgrade-{self.id}"

    @property
    def grader(self) -> str:
        """Hub user whose server, started on demand, holds the course's gradebook."""
        return GRADER_PREFIX + self.id

    @property
    def labs(self) -> tuple[str, ...]:
        """Labs found in the course's source folder, by name."""
        folder = self.source / "source"
        return tuple(sorted(p.parent.name for p in folder.glob("*/lab.toml"))) if folder.is_dir() else ()


@dataclass(frozen=True)
class Season:
    """All that ``courses.toml`` says."""

    title: Mapping[str, str]
    language: str
    courses: tuple[Course, ...]
    assignment_list: bool = False
    """Whether learners also get nbgrader's own Assignment List (``[hub] assignment_list = true``)."""

    def course(self, course_id: str) -> Course:
        """The course of this id; CoursesError names the ones that exist."""
        for course in self.courses:
            if course.id == course_id:
                return course
        known = ", ".join(c.id for c in self.courses) or "none"
        raise CoursesError(f"no course {course_id!r} in courses.toml; there are: {known}")

    def groups_of(self, person: str) -> list[str]:
        """Hub groups a person belongs to. An author of a course is not its learner."""
        groups = []
        for course in self.courses:
            if person in course.authors or person == course.grader:
                groups.append(course.author_group)
            elif person in course.learners or (
                EVERYONE in course.learners and not person.startswith(GRADER_PREFIX)
            ):
                groups.append(course.learner_group)
        return groups

    def is_author(self, person: str) -> bool:
        """Whether the person writes or grades any course."""
        return any(person in course.authors for course in self.courses)

    @property
    def authors(self) -> frozenset[str]:
        """Everybody who is an author of some course."""
        return frozenset(a for course in self.courses for a in course.authors)


def read_season(path: Path) -> Season:
    """Season from a ``courses.toml``; course folders are looked for beside it.

    Raises CoursesError with file, key and remedy when the file is missing, not TOML, or says
    something that cannot be.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CoursesError(f"{path}: no such file; give the season's courses.toml with --courses") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CoursesError(f"{path}: not valid TOML: {error}") from error
    season = _table(raw, "season", path)
    courses = raw.get("course", [])
    if not isinstance(courses, list) or not courses:
        raise CoursesError(f"{path}: no [[course]] in it; add one with id, title, authors and learners")
    read = tuple(_read_course(entry, path) for entry in courses)
    ids = [course.id for course in read]
    if len(set(ids)) != len(ids):
        raise CoursesError(f"{path}: a course id stands twice: {', '.join(sorted(ids))}")
    language = season.get("language", "zh")
    if language not in ("zh", "en"):
        raise CoursesError(f"{path}: season.language is {language!r}; write 'zh' or 'en'")
    assignment_list = _table(raw, "hub", path).get("assignment_list", False)
    if not isinstance(assignment_list, bool):
        raise CoursesError(f"{path}: hub.assignment_list is {assignment_list!r}; write true or false")
    return Season(
        title=_both_languages(season, "title", path),
        language=language,
        courses=read,
        assignment_list=assignment_list,
    )


def _read_course(entry: Mapping[str, Any], path: Path) -> Course:
    course_id = entry.get("id")
    if not isinstance(course_id, str) or not COURSE_ID.match(course_id):
        raise CoursesError(f"{path}: course id {course_id!r}: letters, digits, '_', '.', '-' only")
    where = f"{path}: course {course_id}"
    authors, learners = _names(entry, "authors", where), _names(entry, "learners", where, everyone=True)
    due: dict[str, datetime] = {}
    for lab, moment in _table(entry, "due", path).items():
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise CoursesError(
                f"{where}: due.{lab} needs a date, time and zone, like 2027-08-31T23:59:59+08:00"
            )
        due[lab] = moment.astimezone(UTC)
    return Course(
        id=course_id,
        title=_both_languages(entry, "title", path),
        source=(path.parent / course_id).absolute(),
        authors=authors,
        learners=learners,
        due=due,
    )


def _table(raw: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise CoursesError(f"{path}: {key} must be a table")
    return value


def _names(entry: Mapping[str, Any], key: str, where: str, *, everyone: bool = False) -> tuple[str, ...]:
    names = entry.get(key, [])
    if not isinstance(names, list):
        raise CoursesError(f"{where}: {key} must be a list of names")
    for name in names:
        if everyone and name == EVERYONE:
            continue
        if not isinstance(name, str) or not PERSON_NAME.match(name) or name.startswith(GRADER_PREFIX):
            raise CoursesError(
                f"{where}: {key}: {name!r} is no sign-in name; "
                f"small letters, digits, '_', '.', '-', not starting with {GRADER_PREFIX!r}"
            )
    return tuple(names)


def _both_languages(entry: Mapping[str, Any], key: str, path: Path) -> Mapping[str, str]:
    value = entry.get(key)
    if not isinstance(value, dict) or not all(isinstance(value.get(code), str) for code in ("zh", "en")):
        raise CoursesError(f'{path}: {key} needs both languages: {key} = {{zh = "…", en = "…"}}')
    return {"zh": value["zh"], "en": value["en"]}


def group_names(courses: Iterable[Course]) -> list[str]:
    """All hub groups these courses need."""
    return [name for course in courses for name in (course.learner_group, course.author_group)]
