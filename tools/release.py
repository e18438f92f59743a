# SPDX-License-Identifier: BSD-3-Clause
"""``labroom release``: make the learners' version of a lab and prove that no solution is left in it."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .course import find_course, labs_in

if TYPE_CHECKING:
    from labroom.autograder.course import CourseFolder
    from labroom.hub_config.courses import Course, Season
    from labroom.hub_config.data_folder import DataFolder
    from labroom.hub_config.exchange.client import Exchange

    from .release_lab import Released


@click.command("release")
@click.argument("course")
@click.argument("lab", required=False)
@click.option(
    "--language",
    type=click.Choice(["zh", "en", "both"]),
    default="both",
    show_default=True,
    help="Text to keep.",
)
@click.option(
    "--to", type=click.Path(path_type=Path), help="Also put a copy of each release into this folder."
)
@click.option("--publish", is_flag=True, help="Give it to the running hub's exchange as well.")
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder of the hub [$LABROOM_DATA or ./.labroom]."
)
@click.option(
    "--courses",
    type=click.Path(path_type=Path),
    default=Path("courses/courses.toml"),
    show_default=True,
    help="The season, for due dates with --publish.",
)
@click.option("--json", "as_json", is_flag=True, help="Say what was done as JSON.")
def command(
    course: str,
    lab: str | None,
    language: str,
    to: Path | None,
    publish: bool,
    data: Path | None,
    courses: Path,
    as_json: bool,
) -> None:
    """Make the learners' version of labs: solutions and hidden tests out, and proved to be gone.

    \b
    labroom release courses/matter-energy                      all labs of a course
    labroom release courses/matter-energy boiling-tibet        one lab
    labroom release courses/matter-energy/source/boiling-tibet the same
    labroom release matter-energy --publish                    for the running hub

    The release is in COURSE/release/LAB. Exit status 1: something would have leaked; nothing was released.
    """
    from labroom.autograder.course import open_course

    from .release_lab import ReleaseRefused, release_lab

    found = find_course(course, lab, courses.parent)
    if publish:
        _publish_command(found.root.name, found.labs, data, courses, as_json)
        return
    opened = open_course(found.root)
    done: list[dict[str, Any]] = []
    refused = False
    for name in found.labs:
        try:
            made = release_lab(opened, name, language)  # type: ignore[arg-type]
            if to is not None:
                shutil.copytree(made.folder, to / name, dirs_exist_ok=True)
            done.append(_told(made))
            if not as_json:
                click.echo(
                    f"{name}: 已生成 released to {made.folder} "
                    f"({len(made.files)} 个文件 files, 没有泄露 nothing leaked)"
                )
        except ReleaseRefused as error:
            refused = True
            done.append({"lab": name, "refused": str(error), "leaks": [str(leak) for leak in error.leaks]})
            if not as_json:
                click.echo(str(error), err=True)
    if as_json:
        click.echo(json.dumps(done, ensure_ascii=False, indent=1))
    sys.exit(1 if refused else 0)


@dataclass(frozen=True)
class Published:
    """What became of one lab: published, unchanged, or refused, and why."""

    course: str
    lab: str
    action: Literal["published", "unchanged", "refused"]
    detail: str = ""


def release_all(
    season: "Season",
    data: "DataFolder",
    exchange_of: "Callable[[str], Exchange]",
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    say: Callable[[str], None] = click.echo,
) -> list[Published]:
    """Publish every lab of the hub's course folders whose source or due date is not the published one.

    One lab that is refused does not keep the others back; ``say`` hears of everything but the unchanged.
    """
    done = []
    for course in season.courses:
        if only is None or course.id in only:
            labs = only[course.id] if only is not None else None
            with exchange_of(course.id) as exchange:
                done += _publish_course(course, data, exchange, labs, say)
    return done


def _publish_course(
    course: "Course",
    data: "DataFolder",
    exchange: "Exchange",
    labs: Sequence[str] | None,
    say: Callable[[str], None],
) -> list[Published]:
    from labroom.autograder.course import open_course

    opened = open_course(data.course(course.id), course_id=course.id)
    there = {row["assignment"]: row for row in exchange.assignments(course.id)}
    done = []
    for lab in labs_in(opened.root) if labs is None else labs:
        made = _publish(opened, lab, course.due.get(lab), there.get(lab), exchange)
        done.append(made)
        if made.action == "published":
            say(f"{course.id}/{lab}: 已发布 published")
        elif made.action == "refused":
            say(f"{course.id}/{lab}: 未发布 not published: {made.detail}")
    return done


def _publish(
    opened: "CourseFolder",
    lab: str,
    due: datetime | None,
    there: Mapping[str, Any] | None,
    exchange: "Exchange",
) -> Published:
    from labroom.autograder.course import refuse_links as refuse_links_around
    from labroom.hub_config.exchange.client import ExchangeError

    from .release_lab import ReleaseRefused, refuse_links, release_lab, source_version

    course = opened.coursedir.course_id
    try:
        refuse_links_around(opened.root)
        refuse_links(opened, opened.source(lab))
        unchanged = (
            there is not None
            and opened.release(lab).is_dir()
            and _same_due(there.get("due"), due)
            and (there.get("lab") or {}).get("version") == source_version(opened.source(lab))
        )
        if unchanged:
            return Published(course, lab, "unchanged")
        made = release_lab(opened, lab, "both", due)
        exchange.release(course, lab, made.folder, due=due, force=there is not None)
    except (ReleaseRefused, ExchangeError, OSError, ValueError) as error:
        return Published(course, lab, "refused", str(error))
    return Published(course, lab, "published", made.version)


def _same_due(there: str | None, due: datetime | None) -> bool:
    if there is None or due is None:
        return there is None and due is None
    return datetime.fromisoformat(there.replace("Z", "+00:00")) == due


def _publish_command(
    course: str, labs: Sequence[str], data: Path | None, courses: Path, as_json: bool
) -> None:
    from labroom.hub_config.courses import CoursesError, read_season
    from labroom.hub_config.data_folder import find_data_folder
    from labroom.hub_config.embedded.course_folders import prepare_course_folder
    from labroom.hub_config.embedded.operator import HubNotRunning, grader_exchange

    place = find_data_folder(data)
    try:
        season = read_season(courses.absolute())
        prepare_course_folder(season.course(course), place)
        done = release_all(
            season,
            place,
            lambda name: grader_exchange(place, name),
            only={course: labs},
            say=(lambda _line: None) if as_json else click.echo,
        )
    except (CoursesError, HubNotRunning) as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps([asdict(made) for made in done], ensure_ascii=False, indent=1))
    sys.exit(1 if any(made.action == "refused" for made in done) else 0)


def _told(made: "Released") -> dict[str, Any]:
    return {
        "lab": made.lab,
        "folder": str(made.folder),
        "version": made.version,
        "language": made.language,
        "files": list(made.files),
    }
