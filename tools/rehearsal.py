# SPDX-License-Identifier: BSD-3-Clause
"""A class on a hub of its own: what each teacher does there, and the account at the end."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from labroom.hub_config.courses import Season, read_season
from labroom.hub_config.data_folder import DataFolder
from labroom.hub_config.exchange.receipts import verify
from labroom.hub_config.hub_client import Person

from .invented_teachers import Attempt, Teacher, answer

CLASS_PASSWORD, AUTHOR_PASSWORD, AUTHOR = "rehearsal-class", "rehearsal-author", "rehearsal.author"
Report = Callable[[str, str], None]


class RehearsalFailed(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """The rehearsal could not be played to its end; the message says where it stopped."""


@dataclass
class Played:
    """What one teacher did and got, filled in as the rehearsal goes."""

    teacher: Teacher
    receipts: list[dict[str, Any]] = field(default_factory=list)
    counted: str | None = None
    score: float | None = None
    max_score: float | None = None
    outcome: str | None = None
    feedback_seen: bool = False
    problems: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """Plain values for a table or JSON."""
        return {
            "teacher": self.teacher.name,
            "language": self.teacher.language,
            "part": self.teacher.part.name,
            "receipts": [receipt["receipt"]["id"] for receipt in self.receipts],
            "outcome": self.outcome,
            "score": self.score,
            "max_score": self.max_score,
            "feedback_seen": self.feedback_seen,
            "problems": self.problems,
        }


@dataclass(frozen=True)
class Stage:
    """A running hub with one lab to rehearse."""

    url: str
    data: DataFolder
    season: Season
    course: str
    lab: str
    key: dict[str, Any]

    @property
    def source(self) -> dict[str, Any]:
        """The author's notebook, with its solutions."""
        path = self.season.course(self.course).source / "source" / self.lab / f"{self.lab}.ipynb"
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return notebook


@contextmanager
def own_hub(folder: Path, courses: Path, course: str, lab: str, port: int) -> Iterator[Stage]:
    """A hub in ``folder`` with copies of the courses, the lab open for a day; stopped at the end."""
    season_file = copy_season(courses, folder / "courses", course, lab)
    command = [
        *(sys.executable, "-m", "labroom.tools", "hub", "--data", str(folder / "data")),
        *("--courses", str(season_file), "--port", str(port)),
        *("--class-password", CLASS_PASSWORD, "--author-password", AUTHOR_PASSWORD),
    ]
    log = folder / "hub.out"
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_open(process, log, url)
        key = httpx.get(f"{url}/services/exchange/key", trust_env=False, timeout=30).json()
        yield Stage(url, DataFolder(folder / "data"), read_season(season_file), course, lab, key)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()


def wait_until_open(process: "subprocess.Popen[bytes]", log: Path, url: str, seconds: float = 180) -> None:
    """Return when the hub has said where to click; RehearsalFailed with what it said instead."""
    deadline = time.monotonic() + seconds
    while f"Open   {url}" not in log.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RehearsalFailed(f"the hub did not open; it said:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.1)


def copy_season(courses: Path, into: Path, course: str, lab: str) -> Path:
    """The course folders with a ``courses.toml`` for the rehearsal: one author, everyone learns."""
    shutil.copytree(courses.parent, into, symlinks=True, ignore=shutil.ignore_patterns("courses.toml"))
    title = read_season(courses).course(course).title
    due = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    text = (
        '[season]\ntitle = {zh = "排练", en = "Rehearsal"}\n'
        f'[[course]]\nid = {json.dumps(course)}\nauthors = ["{AUTHOR}"]\nlearners = ["*"]\n'
        f"title = {{zh = {json.dumps(title['zh'])}, en = {json.dumps(title['en'])}}}\n"
        f"[course.due]\n{json.dumps(lab)} = {due.isoformat()}\n"
    )
    season_file = into / "courses.toml"
    season_file.write_text(text, encoding="utf-8")
    return season_file


def play_class(stage: Stage, plays: list[Played], *, late: bool, at_once: int, report: Report) -> None:
    """Let every teacher make the hand-ins that belong before (or after) the deadline."""

    def safely(played: Played) -> None:
        try:
            play(stage, played, late=late)
        except Exception as error:  # noqa: BLE001 one teacher's trouble is named and stops nobody else
            played.problems.append(f"{type(error).__name__}: {error}"[:500])
        report(played.teacher.name, ", ".join(played.problems) or played.teacher.part.words["en"])

    mine = [p for p in plays if any(a.late == late for a in p.teacher.part.attempts) or not late]
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(safely, mine))


def play(stage: Stage, played: Played, *, late: bool) -> None:
    """One teacher: sign in, one click to the lab, run it, answer, check, hand in, keep the receipt."""
    teacher = played.teacher
    with Person(stage.url, teacher.name) as person:
        person.sign_in(CLASS_PASSWORD)
        person.start_server()
        opened = person.client.get(
            f"/user/{teacher.name}/labroom/open",
            params={"course": stage.course, "lab": stage.lab, "lang": teacher.language},
        )
        opened.raise_for_status()
        folder = f"{stage.course}/{stage.lab}"
        path = f"{folder}/{stage.lab}.ipynb"
        released = person.read_file(path)
        with person.kernel(folder=folder) as kernel:
            ran = kernel.run("import lab\nprint(lab.language())")
        if ran.text.strip() != teacher.language:
            played.problems.append(f"the lab speaks {ran.text.strip() or ran.error}, not {teacher.language}")
        for attempt in teacher.part.attempts:
            if attempt.late == late:
                hand_in(stage, played, person, path, released, attempt)
        person.stop_server()


def hand_in(
    stage: Stage, played: Played, person: Person, path: str, released: dict[str, Any], attempt: Attempt
) -> None:
    """Save the answers, hand in, and see that the receipt is signed for exactly this."""
    notebook = answer(released, stage.source, attempt.how)
    body = {"type": "notebook", "format": "json", "content": notebook}
    person.server_call("PUT", f"api/contents/{path}", body).raise_for_status()
    answered = person.server_call("POST", "labroom/submit", {"path": path})
    answered.raise_for_status()
    receipt = answered.json()["receipt"]
    played.problems += [f"receipt: {en}" for _, en in verify(receipt, stage.key).problems]
    says = receipt["receipt"]
    if (says["learner"], says["late"]) != (played.teacher.name, attempt.late):
        played.problems.append(f"the receipt says {says['learner']}, late: {says['late']}")
    played.receipts.append(receipt)
    if played.counted is None or not attempt.late:
        played.counted = says["id"]


def close_lab(stage: Stage) -> None:
    """Move the deadline to now, as an author would: what comes after is late."""
    from labroom.hub_config.embedded.operator import grader_exchange

    with tempfile.TemporaryDirectory() as name:
        into = Path(name) / stage.lab
        exchange = grader_exchange(stage.data, stage.course)
        exchange.fetch(stage.course, stage.lab, into)
        exchange.release(stage.course, stage.lab, into, due=datetime.now(UTC), force=True)


def grade(stage: Stage, *, kill: bool) -> dict[str, Any]:
    """The account of ``labroom grade`` on the stage; with ``kill``, after a kill -9 in the middle.

    Then everything is graded once more, undisturbed, and RehearsalFailed says whose result differs.
    """
    if not kill:
        return _account_of(stage)
    killed = subprocess.Popen(
        _grade_command(stage), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    done = stage.data.course(stage.course) / "autograded"
    deadline = time.monotonic() + 300
    while killed.poll() is None and len(list(done.glob(f"*/{stage.lab}"))) < 2:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    if killed.poll() is not None:
        raise RehearsalFailed("the grader ended before it could be killed; rehearse with more people")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    resumed = _account_of(stage)
    undisturbed = _account_of(stage, "--force", "--no-collect", "--no-feedback")
    if differing := sorted(_results(resumed).items() ^ _results(undisturbed).items()):
        raise RehearsalFailed(f"killed and undisturbed grading differ: {differing}")
    return resumed


def _grade_command(stage: Stage, *options: str) -> list[str]:
    command = [sys.executable, "-m", "labroom.tools", "grade", stage.course, stage.lab]
    return [*command, "--data", str(stage.data.root), "--jobs", "2", *options]


def _account_of(stage: Stage, *options: str) -> dict[str, Any]:
    account = stage.data.root / "account.json"
    account.unlink(missing_ok=True)
    command = _grade_command(stage, "--json", str(account), *options)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not account.exists():
        raise RehearsalFailed(f"labroom grade left no account and said:\n{done.stdout}{done.stderr}")
    read: dict[str, Any] = json.loads(account.read_text(encoding="utf-8"))
    return read


def _results(account: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    return {
        row["learner"]: (row["state"], row["score"], *(item["score"] for item in row["items"]))
        for row in account["outcomes"]
    }


def read_results(stage: Stage, plays: list[Played], *, at_once: int, report: Report) -> None:
    """Let every teacher read score and feedback on the course page's own addresses."""

    def read(played: Played) -> None:
        if not played.receipts:
            return
        try:
            see_feedback(stage, played)
        except (httpx.HTTPError, KeyError, ValueError) as error:
            played.problems.append(f"feedback: {type(error).__name__}: {error}"[:300])
        report(played.teacher.name, f"{played.score} / {played.max_score}")

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(read, plays))


def see_feedback(stage: Stage, played: Played) -> None:
    """What this teacher's course page links to: the score of the attempt that counts, and the feedback."""
    with Person(stage.url, played.teacher.name) as person:
        person.sign_in(CLASS_PASSWORD)
        page = person.client.get("/services/portal/", params={"lang": played.teacher.language})
        page.raise_for_status()
        link = f"/services/portal/feedback/{stage.course}/{played.counted}"
        if link not in page.text:
            played.problems.append("no link to the feedback on the course page")
            return
        feedback = person.client.get(link)
        feedback.raise_for_status()
        played.feedback_seen = True


def check_account(plays: list[Played], account: dict[str, Any]) -> None:
    """Hold the grader's account against each teacher's part; differences become problems."""
    rows = {row["learner"]: row for row in account["outcomes"]}
    for played in plays:
        part = played.teacher.part
        row = rows.get(played.teacher.name)
        if row is None:
            if part.outcome is not None:
                played.problems.append("handed in, but not in the grader's account")
            continue
        played.outcome, played.score, played.max_score = row["state"], row["score"], row["max_score"]
        if played.outcome != part.outcome:
            played.problems.append(f"expected {part.outcome or 'no hand-in'}, got {played.outcome}")
        if played.counted and row["attempt"] != played.counted:
            played.problems.append(f"graded {row['attempt'][:8]}, but {played.counted[:8]} counts")
        marked = [item for item in row["items"] if item["state"] != "to-be-marked"]
        full = bool(marked) and all(item["score"] == item["max_score"] for item in marked)
        if full != part.full_marks:
            played.problems.append(f"full marks: {full}, expected {part.full_marks}")
