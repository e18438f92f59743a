# SPDX-License-Identifier: BSD-3-Clause
"""``labroom rehearse``: a class of invented teachers, from sign-in to feedback, on a real hub."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from .rehearsal import Played, Stage

_COURSES = Path("courses/courses.toml")
_MARKS = {True: "✓", False: "✗"}


@click.command()
@click.option(
    "--people", default=12, show_default=True, type=click.IntRange(1, 500), help="Size of the class."
)
@click.option("--course", help="Course to rehearse.  [default: the first]")
@click.option("--lab", help="Lab to rehearse.  [default: the course's first]")
@click.option(
    "--courses",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    default=_COURSES,
    show_default=True,
    help="The season.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Keep everything here; must be new or empty.")
@click.option(
    "--at-once", default=3, show_default=True, type=click.IntRange(1, 64), help="Teachers at a time."
)
@click.option(
    "--kill-grader", is_flag=True, help="Kill the grader in the middle (-9), start it again, compare."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), help="Write the account here; - prints it."
)
def command(
    people: int,
    course: str | None,
    lab: str | None,
    courses: Path,
    data: Path | None,
    at_once: int,
    kill_grader: bool,
    json_file: Path | None,
) -> None:
    """Play a class of invented teachers through a hub of its own, and account for everybody.

    Some answer right, some wrong, some in part; one crashes Python, one never stops looping, one is late, one
    hands in twice, one spoils the work after the deadline, one hands in a blank, one nothing. Then the course
    is graded, and everybody reads the feedback. Exits 0 only if all of them got what they should.

    \b
    labroom rehearse                          twelve people, the first lab
    labroom rehearse --people 30 --lab weighing-earth --course forces-waves
    labroom rehearse --kill-grader            and the result must be the same
    """
    from labroom.hub_config.courses import CoursesError, read_season
    from labroom.hub_config.embedded.launch import free_ports

    from .rehearsal import RehearsalFailed, own_hub

    console = Console(stderr=json_file is not None and str(json_file) == "-")
    try:
        season = read_season(courses.absolute())
        chosen = season.course(course) if course else season.courses[0]
    except CoursesError as error:
        raise click.ClickException(str(error)) from error
    wanted = lab or next(iter(chosen.labs), None)
    if wanted not in chosen.labs:
        raise click.ClickException(
            f"course {chosen.id} has no lab {wanted!r}; there are: {', '.join(chosen.labs)}"
        )
    folder = _new_folder(data)
    failed = True
    try:
        console.print(
            f"排练 Rehearsing [b]{chosen.id}/{wanted}[/b] with {people} invented teachers in {folder}"
        )
        with own_hub(folder, courses.absolute(), chosen.id, str(wanted), free_ports(1)[0]) as stage:
            console.print(f"教室已打开 The hub is open at {stage.url}")
            plays, account = _rehearse(stage, people, at_once, console, kill_grader=kill_grader)
        failed = _show(plays, account, console, json_file)
    except RehearsalFailed as error:
        raise click.ClickException(str(error)) from error
    finally:
        if data is None and not failed:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            console.print(f"数据保留在 Everything is kept in {folder}")
    if failed:
        sys.exit(1)


def _new_folder(given: Path | None) -> Path:
    if given is None:
        return Path(tempfile.mkdtemp(prefix="labroom-rehearsal-"))
    folder = given.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty; name a new folder with --data")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _rehearse(
    stage: Stage, people: int, at_once: int, console: Console, *, kill_grader: bool
) -> tuple[list[Played], dict[str, Any]]:
    from .invented_teachers import invent_class
    from .rehearsal import Played, check_account, close_lab, grade, play_class, read_results

    plays = [Played(teacher) for teacher in invent_class(people)]
    after = [p for p in plays if any(a.late for a in p.teacher.part.attempts)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[now]}"), console=console) as progress:

        def stage_of(words: str, total: int) -> Any:
            task = progress.add_task(words, total=total, now="")

            def report(name: str, now: str) -> None:
                progress.update(task, advance=1, now=f"{name}: {now}"[:60])
                if not console.is_terminal:
                    console.print(f"  {words}: {name}: {now}")

            return report

        report = stage_of("动手做、交作业 doing the lab, handing in", len(plays))
        play_class(stage, plays, late=False, at_once=at_once, report=report)
        close_lab(stage)
        report = stage_of("截止之后 after the deadline", len(after))
        play_class(stage, plays, late=True, at_once=at_once, report=report)
        report = stage_of("评分 grading", 1)
        account = grade(stage, kill=kill_grader)
        report("grader", f"{len(account['outcomes'])} accounted for")
        check_account(plays, account)
        report = stage_of("看反馈 reading the feedback", sum(1 for p in plays if p.receipts))
        read_results(stage, plays, at_once=at_once, report=report)
    return plays, account


def _show(plays: list[Played], account: dict[str, Any], console: Console, json_file: Path | None) -> bool:
    """Print the table and the sum; returns whether anything is amiss."""
    table = Table(title="排练结果 The rehearsal", title_justify="left")
    for heading in (
        "教师 teacher",
        "",
        "角色 part",
        "回执 receipts",
        "结果 outcome",
        "分数 score",
        "反馈 feedback",
    ):
        table.add_column(heading)
    table.add_column("问题 problems", overflow="fold")
    for played in plays:
        part, some = played.teacher.part, bool(played.receipts)
        table.add_row(
            played.teacher.name,
            played.teacher.language,
            f"{part.words['zh']} {part.words['en']}",
            str(len(played.receipts)) if some else "-",
            played.outcome or ("-" if part.outcome is None else "?"),
            "-" if played.score is None else f"{played.score:g} / {played.max_score:g}",
            _MARKS[played.feedback_seen] if some else "-",
            "; ".join(played.problems),
            style="red" if played.problems else None,
        )
    handed_in = sum(1 for p in plays if p.receipts)
    graded = sum(1 for row in account["outcomes"] if row["state"] == "graded")
    named = len(account["outcomes"]) - graded
    unread = [p.teacher.name for p in plays if p.receipts and not p.feedback_seen]
    amiss = any(p.problems for p in plays) or handed_in != graded + named or bool(unread)
    console.print(table)
    console.print(
        f"交来 handed in {handed_in} = 已评分 graded {graded} + 点名说明 named {named}"
        + ("" if handed_in == graded + named else "   [red]不相等 these differ[/red]")
    )
    console.print(
        "[red]有问题 something is amiss[/red]" if amiss else "[green]全部对上 all accounted for[/green]"
    )
    if json_file is not None:
        record = {
            "handed_in": handed_in,
            "graded": graded,
            "named": named,
            "ok": not amiss,
            "teachers": [p.row() for p in plays],
        }
        text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
        if str(json_file) == "-":
            click.echo(text, nl=False)
        else:
            json_file.write_text(text, encoding="utf-8")
    return amiss


if __name__ == "__main__":
    command()
