# SPDX-License-Identifier: BSD-3-Clause
"""``labroom grade``: collect, grade confined, record, give feedback; account for every submission."""

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from labroom.autograder.course import CourseFolder
    from labroom.autograder.outcome import Outcome
    from labroom.hub_config.exchange.client import Exchange

EXIT_NAMED_BY_GRADER = 3


@click.command("grade")
@click.argument("course")
@click.argument("lab", required=False)
@click.option(
    "--data", type=click.Path(path_type=Path), help="Data folder of the hub [$LABROOM_DATA or ./.labroom]."
)
@click.option("--folder", is_flag=True, help="COURSE is a plain nbgrader course folder; no hub, no exchange.")
@click.option("--learner", help="Only this learner.")
@click.option(
    "--jobs", default=2, show_default=True, type=click.IntRange(1, 256), help="Runs at the same time."
)
@click.option("--no-collect", is_flag=True, help="Grade what has been collected before.")
@click.option("--no-feedback", is_flag=True, help="Do not write and release feedback.")
@click.option("--force", is_flag=True, help="Run everything anew, also what was graded before.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An nbgrader_config.py of your own; it is run. With --folder the course's own is used.",
)
@click.option("--json", "json_to", metavar="FILE", help="Write the account as JSON; '-' for standard output.")
def command(**options: Any) -> None:
    """Grade what was handed in and account for all of it.

    \b
    labroom grade matter-energy                     all labs of a course of the hub
    labroom grade matter-energy boiling-tibet       one lab
    labroom grade --folder ~/mycourse ps1           any nbgrader course folder

    Exit status 0: everyone is accounted for. 3: the grader itself failed for someone; run it again.
    """
    from labroom.autograder.course import LeadsOut
    from labroom.autograder.prepare import NotReleased
    from labroom.autograder.sandbox import SandboxBroken
    from labroom.hub_config.embedded.operator import HubNotRunning
    from labroom.hub_config.exchange.client import ExchangeError

    try:
        outcomes = _grade(**options)
    except (NotReleased, HubNotRunning, SandboxBroken, ExchangeError, LeadsOut) as error:
        raise click.ClickException(str(error)) from error
    if any(outcome.state == "grader-failed" or outcome.feedback_error for outcome in outcomes):
        sys.exit(EXIT_NAMED_BY_GRADER)


def _grade(
    *,
    course: str,
    lab: str | None,
    data: Path | None,
    folder: bool,
    learner: str | None,
    jobs: int,
    no_collect: bool,
    no_feedback: bool,
    force: bool,
    config: Path | None,
    json_to: str | None,
) -> "list[Outcome]":
    from labroom.autograder.course import open_course, refuse_links
    from labroom.hub_config.data_folder import find_data_folder

    from .account import account, print_account

    exchange: Exchange | None = None
    if folder:
        root = Path(course).absolute()
        own = root / "nbgrader_config.py"
        opened = open_course(root, config or (own if own.exists() else None))
    else:
        place = find_data_folder(data)
        root = place.course(course)
        if not root.is_dir():
            raise click.ClickException(
                f"{place.root} 里没有课程 {course}。 No course {course} in {place.courses}; "
                "start the hub once with labroom hub, or give a course folder with --folder."
            )
        refuse_links(root)
        opened = open_course(root, config, course)
        if not (no_collect and no_feedback):
            from labroom.hub_config.embedded.operator import grader_exchange

            exchange = grader_exchange(place, course)
    outcomes: list[Outcome] = []
    with exchange or nullcontext():
        for name in [lab] if lab else _released(opened):
            outcomes += grade_lab(
                opened,
                name,
                exchange=exchange,
                learner=learner,
                jobs=jobs,
                collect=not no_collect,
                feedback=not no_feedback,
                force=force,
                quiet=json_to == "-",
            )
    report = account(outcomes)
    text = json.dumps(report, ensure_ascii=False, indent=1, allow_nan=False)
    if json_to == "-":
        click.echo(text)
    else:
        print_account(outcomes)
        if json_to:
            Path(json_to).write_text(text + "\n", encoding="utf-8")
    return outcomes


def _released(course: "CourseFolder") -> "list[str]":
    """Labs that can be graded. One that an author has only begun does not keep the others from it."""
    from labroom.autograder.prepare import NotReleased, notebooks_of

    names = []
    for name in course.labs():
        try:
            notebooks_of(course, name)
        except NotReleased as error:
            click.echo(str(error), err=True)
        else:
            names.append(name)
    return names


def grade_lab(
    course: "CourseFolder",
    lab: str,
    *,
    exchange: "Exchange | None" = None,
    learner: str | None = None,
    jobs: int = 2,
    collect: bool = True,
    feedback: bool = True,
    force: bool = False,
    quiet: bool = False,
) -> "list[Outcome]":
    """Collect (with an exchange), grade, give feedback for one lab; one outcome for every submission."""
    from labroom.autograder.batch import grade_batch
    from labroom.autograder.collect import collect_lab, release_feedback
    from labroom.autograder.feedback import write_feedback
    from labroom.autograder.sandbox import check_sandbox
    from labroom.autograder.submissions import find_submissions

    with course.gradebook():
        # Now there is one, and it is what a learner's code must not reach.
        check_sandbox(course.root / "gradebook.db")
    outcomes: list[Outcome] = []
    if exchange is not None and collect:
        outcomes += collect_lab(course, lab, exchange, learner)
    failed = {outcome.learner for outcome in outcomes}
    found = [s for s in find_submissions(course.root, lab, learner) if s.learner not in failed]
    with _progress(lab, len(found), quiet) as advance, ThreadPoolExecutor(jobs) as pool:
        for outcome in grade_batch(course, lab, found, pool, force=force):
            if feedback:
                outcome = write_feedback(course, outcome)
            outcomes.append(outcome)
            advance(outcome)
    if feedback and exchange is not None:
        outcomes = release_feedback(course, lab, exchange, outcomes)
    return sorted(outcomes, key=lambda outcome: outcome.learner)


@contextmanager
def _progress(lab: str, total: int, quiet: bool) -> Iterator[Any]:
    if quiet:
        yield lambda _outcome: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns: Sequence[Any] = (
            TextColumn(f"评分 {lab}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(lab, total=total)
            yield lambda _outcome: bar.advance(task)
    else:
        done = 0

        def advance(outcome: "Outcome") -> None:
            nonlocal done
            done += 1
            click.echo(f"{lab} {done}/{total} {outcome.learner} {outcome.state}", err=True)

        yield advance
