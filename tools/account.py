# SPDX-License-Identifier: BSD-3-Clause
"""The account of a batch: n in = n graded + n named, as a table for people and JSON for machines."""

from collections.abc import Sequence
from typing import Any

import click

from labroom.autograder.outcome import Outcome
from labroom.autograder.store import grader_version


def account(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts and every outcome, as plain JSON values. ``in`` is always ``graded`` + ``named``."""
    named = [outcome for outcome in outcomes if outcome.named]
    return {
        "version": 1,
        "grader": grader_version(),
        "in": len(outcomes),
        "graded": len(outcomes) - len(named),
        "named": len(named),
        "grader_failed": sum(outcome.state == "grader-failed" for outcome in outcomes),
        "outcomes": [outcome.to_json() for outcome in outcomes],
    }


def print_account(outcomes: Sequence[Outcome]) -> None:
    """The account as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("实验 lab", "教师 learner", "结果 outcome", "分数 score", "说明 remark"):
        table.add_column(title, overflow="fold")
    for outcome in outcomes:
        table.add_row(outcome.lab, outcome.learner, _state(outcome), _score(outcome), _remark(outcome))
    if outcomes:
        Console().print(table)
    counts = account(outcomes)
    click.echo(
        f"交来 {counts['in']} = 已评 {counts['graded']} + 另列 {counts['named']}    "
        f"{counts['in']} in = {counts['graded']} graded + {counts['named']} named"
    )
    if counts["grader_failed"]:
        click.echo(
            f"评分程序有 {counts['grader_failed']} 份没有评成，这些没有记 0 分；请再运行一次。 "
            f"The grader failed for {counts['grader_failed']}; no 0 was recorded for them. Run it again."
        )


def _state(outcome: Outcome) -> str:
    return f"{outcome.state}: {outcome.failure.kind}" if outcome.failure is not None else outcome.state


def _score(outcome: Outcome) -> str:
    if outcome.score is None or outcome.max_score is None:
        return "-"
    waiting = " + ?" if outcome.needs_manual else ""
    return f"{outcome.score:g}{waiting} / {outcome.max_score:g}"


def _remark(outcome: Outcome) -> str:
    remarks = [outcome.detail.strip().splitlines()[-1]] if outcome.detail.strip() else []
    remarks += outcome.notes
    if outcome.feedback_error:
        remarks.append(f"feedback not released: {outcome.feedback_error}")
    if outcome.late_seconds > 0:
        remarks.append(f"late by {outcome.late_seconds / 3600:.1f} h")
    return "; ".join(remarks)
