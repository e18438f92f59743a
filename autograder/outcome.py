# SPDX-License-Identifier: BSD-3-Clause
"""What became of one submission, as a record: graded, the learner's work failed, or the grader failed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["graded", "learner-failed", "grader-failed"]
FailureKind = Literal["error", "timeout", "memory", "output-limit", "killed", "unreadable"]
ItemState = Literal["right", "partly", "wrong", "to-be-marked", "no-answer"]

# What a teacher reads about each kind. Zero or more further words of detail are added in parentheses.
REASONS: Mapping[str, Mapping[str, str]] = {
    "error": {
        "zh": "您的一个代码单元运行时出错，后面依赖它的题可能因此没有得分。",
        "en": "One of your code cells ended with an error; items that depend on it may have no points.",
    },
    "timeout": {
        "zh": "代码没有在规定时间内结束(可能有停不下来的循环)。此前的题已经评分。",
        "en": "The code did not end in time (a loop that never stops?). Items before that were graded.",
    },
    "memory": {
        "zh": "代码用的内存太多，被停止了。此前的题已经评分。",
        "en": "The code used too much memory and was stopped. Items before that were graded.",
    },
    "output-limit": {
        "zh": "代码输出的内容太多，被停止了。此前的题已经评分。",
        "en": "The code printed or wrote too much and was stopped. Items before that were graded.",
    },
    "killed": {
        "zh": "代码运行时程序突然结束了(例如调用了 exit)。此前的题已经评分。",
        "en": "The program ended while your code ran (as after exit). Items before that were graded.",
    },
    "unreadable": {
        "zh": "交来的文件读不出来，所以没有评分。请在实验页面重新打开、保存，再交一次。",
        "en": "What was handed in cannot be read, so it was not graded. Open, save, and hand in once more.",
    },
    "grader-failed": {
        "zh": "评分程序出了问题，这不是您的错，分数不受影响。我们会重新评分。",
        "en": "The grading program failed. It is not your fault and costs no points; it will run again.",
    },
}


@dataclass(frozen=True)
class Failure:
    """Which way a run failed, at which cell (index in the notebook; None: unknown), and a few words."""

    kind: FailureKind
    cell: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Item:
    """One graded cell of one submission. ``score`` is None until a person has marked it."""

    item: str
    title: Mapping[str, str]
    score: float | None
    max_score: float
    state: ItemState
    message: Mapping[str, str] | None = None
    name: str = ""


@dataclass(frozen=True)
class Outcome:
    """The account of one submission. ``score`` is None where there is none; never a 0 of ours."""

    learner: str
    lab: str
    state: State
    score: float | None = None
    max_score: float | None = None
    needs_manual: bool = False
    failure: Failure | None = None
    detail: str = ""
    notes: tuple[str, ...] = ()
    late_seconds: float = 0.0
    key: str = ""
    submission: str = ""
    attempt: str = ""
    feedback_error: str = ""
    reused: bool = False
    seconds: float = 0.0
    items: tuple[Item, ...] = field(default=())

    @property
    def named(self) -> bool:
        """Whether the account must name this one: it is not simply graded."""
        return self.state != "graded"

    @property
    def reason(self) -> Mapping[str, str] | None:
        """What to tell the teacher, in both languages; None for a graded submission."""
        if self.state == "grader-failed":
            return REASONS["grader-failed"]
        return REASONS[self.failure.kind] if self.failure is not None else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; ``reason`` included for readers who do not have this module."""
        return {
            **asdict(self),
            "notes": list(self.notes),
            "items": [asdict(i) for i in self.items],
            "reason": self.reason,
        }


def outcome_from_json(raw: Mapping[str, Any]) -> Outcome:
    """The inverse of ``to_json``. KeyError or TypeError for what is no such record."""
    failure = raw["failure"]
    known = {name: raw[name] for name in Outcome.__dataclass_fields__ if name in raw}
    return Outcome(
        **{
            **known,
            "failure": Failure(**failure) if failure is not None else None,
            "notes": tuple(raw["notes"]),
            "items": tuple(Item(**item) for item in raw["items"]),
        }
    )


def score_record(outcome: Outcome) -> dict[str, Any]:
    """``score.json``: what goes back to the teacher. See docs/grading.md."""
    return {
        "score": outcome.score,
        "max_score": outcome.max_score,
        "needs_manual": outcome.needs_manual,
        "outcome": outcome.state,
        "items": [asdict(item) for item in outcome.items],
        "note": outcome.reason,
    }


def dump(record: Mapping[str, Any]) -> str:
    """JSON for a file: stable order, readable Chinese, no NaN."""
    return json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
