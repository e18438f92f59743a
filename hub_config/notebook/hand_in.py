# SPDX-License-Identifier: BSD-3-Clause
"""Hand in from the notebook, and what the notebook shows of due date and attempts."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .lab_folder import LabFolder, LabProblem, read_json

URL = "LABROOM_EXCHANGE_URL"
TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 the variable's name, not a token


def find_exchange(try_seconds: float) -> Any:
    """The exchange this server is connected to, to be closed by the caller; None when it is not connected.

    ``try_seconds``: how long to go on when it does not answer.
    """
    url, token = os.environ.get(URL), os.environ.get(TOKEN)
    if not url or not token:
        return None
    from labroom.hub_config.exchange.client import Exchange

    return Exchange(url, token, try_seconds=try_seconds)


def hand_in(lab: LabFolder, exchange: Any) -> dict[str, Any]:
    """Hand the folder in and return the exchange's answer, receipt included; the receipt is in the home.

    The client notes the key of a hand-in in the home before the first byte leaves, until the receipt is
    there. So pressing the button again after a crash or a lost connection is the same hand-in, unless the
    work has changed.
    """
    if exchange is None:
        raise LabProblem(
            "no-exchange",
            503,
            "这台服务器没有连接课程中心，不能交作业。您的作业保存在自己的文件夹里。请从课程页面登录后再交。",
            "This server is not connected to the course exchange, so nothing can be handed in. Your work is "
            "safe in your folder. Sign in through the course page and hand in there.",
        )
    answer: dict[str, Any] = exchange.submit(lab.course, lab.lab, lab.path, home=lab.home)
    return answer


def lab_state(lab: LabFolder, exchange: Any) -> dict[str, Any]:
    """Title, due date, lateness, attempts of a lab, as far as they can be known now."""
    kept = read_json(lab.kept_about)
    state: dict[str, Any] = {
        "course": lab.course,
        "lab": lab.lab,
        "exchange": exchange is not None,
        "pending": lab.pending.is_file(),
        "title": read_json(lab.path / "lab.json").get("title"),
        "due": None,
        "late": False,
        "newer": False,
        "attempts": [],
    }
    if exchange is None:
        return state
    row = next((r for r in exchange.assignments(lab.course) if r["assignment"] == lab.lab), None)
    if row is not None:
        state |= {
            "title": row.get("title") or state["title"],
            "due": row.get("due"),
            "late": is_late(row.get("due"), _now()),
            "newer": bool(kept.get("sha256")) and row.get("sha256") != kept["sha256"],
        }
    state["attempts"] = [_attempt(row) for row in exchange.submissions(lab.course, lab.lab)]
    return state


def is_late(due: str | None, now: datetime) -> bool:
    """Whether a due date (ISO 8601; UTC where no zone stands) has passed. No due date is never late."""
    if not due:
        return False
    moment = datetime.fromisoformat(due)
    return now > (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def as_problem(error: Any) -> LabProblem:
    """What to tell the person when the exchange refused or could not be reached."""
    if error.code != "exchange-unreachable" and error.status < 500:
        text = error.message
        return LabProblem(error.code, error.status or 422, text["zh"], text["en"], str(error.detail or ""))
    return LabProblem(
        "exchange-unreachable",
        503,
        "现在连不上课程中心。您的作业好好地保存在自己的文件夹里，没有丢失。"
        "请过一会儿再试一次；重复交不会变成两次提交。",
        "The course exchange cannot be reached just now. Your work is safe in your folder. Try again in a "
        "little while; trying again does not make two hand-ins.",
        str(error),
    )


def _attempt(row: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "attempt", "timestamp", "late", "counts", "sha256", "feedback")
    return {name: row.get(name) for name in names}


def _now() -> datetime:
    return datetime.now(UTC)
