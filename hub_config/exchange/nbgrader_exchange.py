# SPDX-License-Identifier: BSD-3-Clause
"""nbgrader's exchange classes over HTTP.

``nbgrader list``, ``fetch_assignment``, ``submit``, ``collect``, ``release_feedback``,
``fetch_feedback``, the Assignment List and Formgrader work through them unchanged.
``use_exchange(c)`` in an ``nbgrader_config.py`` switches them on. They read LABROOM_EXCHANGE_URL
and JUPYTERHUB_API_TOKEN; who a person is comes from that token, whatever ``--student`` says.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.exchange import abc
from nbgrader.utils import parse_utc
from traitlets import Bool, Dict, Unicode

from .client import Exchange, ExchangeError

Row = dict[str, Any]
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\Z")
PLUGINS = (
    "List", "ReleaseAssignment", "FetchAssignment", "Submit", "Collect", "ReleaseFeedback", "FetchFeedback",
)  # fmt: skip
_MARK = ".released-sha256"


def use_exchange(c: Any) -> None:
    """Makes nbgrader use the exchange service, in a configuration file's ``c``."""
    for plugin in ("", *PLUGINS):
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plugin).lower() or "exchange"
        setattr(c.ExchangeFactory, name, f"{__name__}.HttpExchange{plugin}")


def nbgrader_time(row: Row) -> str:
    """A hand-in's server time as nbgrader writes it into timestamp.txt and folder names."""
    return datetime.fromisoformat(row["timestamp"]).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")


def notebook_ids(row: Row) -> list[str]:
    """Names, without ending, of the notebooks of a hand-in."""
    return [
        name.removesuffix(".ipynb") for name in row["files"] if name.endswith(".ipynb") and "/" not in name
    ]


class HttpExchange(abc.Exchange):
    """What all of them share."""

    path_includes_course = Bool(False, help="Whether a lab's folder is COURSE/LAB instead of LAB.").tag(
        config=True
    )
    cache = Unicode("", help="Not used; there so that nbgrader's settings are accepted.").tag(config=True)

    def init_src(self) -> None:
        """Nothing to look for on this machine."""

    def init_dest(self) -> None:
        """Nothing to prepare on this machine."""

    @contextmanager
    def service(self) -> Iterator[Exchange]:
        """The exchange as the person of this token; its refusals end the command with their message."""
        try:
            with Exchange.from_environment() as exchange:
                yield exchange
        except ExchangeError as error:
            self.fail(str(error))

    def course(self) -> str:
        """The course that is asked for; fails when none is."""
        if not self.coursedir.course_id:
            self.fail("没有指定课程，请加 --course。 No course id specified. Re-run with --course flag.")
        return str(self.coursedir.course_id)

    def lab_root(self, course: str, assignment: str) -> Path:
        """A lab's folder in the person's home."""
        parts = (course, assignment) if self.path_includes_course else (assignment,)
        return Path(self.assignment_dir).absolute().joinpath(*parts)

    def asked_for(self, learner: str) -> bool:
        """Whether --student and its exclusions mean this learner."""
        wanted = self.coursedir.student_id
        excluded = [name for name in self.coursedir.student_id_exclude.split(",") if name]
        return (not wanted or wanted in ("*", learner)) and learner not in excluded


class HttpExchangeList(HttpExchange, abc.ExchangeList):
    """``nbgrader list``, and what the Assignment List shows."""

    def copy_files(self) -> None:
        """Nothing is copied."""

    def list_files(self) -> list[Row]:
        """Released labs, or with ``inbound`` or ``cached`` hand-ins grouped by learner and lab."""
        with self.service() as exchange:
            if not (self.inbound or self.cached):
                released = self._released(exchange)
                self.log.info("Released assignments:")
                for info in released:
                    got = " (already downloaded)" if info["status"] == "fetched" else ""
                    due = f" (due {info['due']})" if info["due"] else ""
                    self.log.info("%s %s%s%s", info["course_id"], info["assignment_id"], due, got)
                return released
            groups = self._submitted(exchange)
        self.log.info("Submitted assignments:")
        for group in groups:
            for info in group["submissions"]:
                self.log.info(_describe(info))
        return groups

    def remove_files(self) -> list[Row]:
        """Withdraws released labs. Hand-ins are never removed."""
        if self.inbound or self.cached:
            self.fail("交上来的作业不会被删除。 What was handed in is never removed.")
        with self.service() as exchange:
            released = self._released(exchange)
            self.log.info("Removing released assignments:")
            for info in released:
                exchange.withdraw(info["course_id"], info["assignment_id"])
                info["status"] = "removed"
                self.log.info("%s %s", info["course_id"], info["assignment_id"])
        return released

    def _courses(self, exchange: Exchange) -> dict[str, str]:
        wanted = self.coursedir.course_id if self.coursedir else ""
        roles = {entry["course"]: entry["role"] for entry in exchange.courses()}
        return {name: role for name, role in roles.items() if wanted in ("", "*", name)}

    def _labs(self, exchange: Exchange, course: str) -> list[Row]:
        wanted = self.coursedir.assignment_id
        return [row for row in exchange.assignments(course) if wanted in ("", "*", row["assignment"])]

    def _released(self, exchange: Exchange) -> list[Row]:
        infos = []
        for course in self._courses(exchange):
            for row in self._labs(exchange, course):
                folder = self.lab_root(course, row["assignment"])
                fetched = folder.is_dir()
                notebooks = sorted(folder.glob("*.ipynb")) if fetched else []
                infos.append(
                    {
                        "course_id": course,
                        "assignment_id": row["assignment"],
                        "status": "fetched" if fetched else "released",
                        "path": str(folder),
                        "notebooks": [{"notebook_id": p.stem, "path": str(p)} for p in notebooks],
                        "due": row["due"],
                        "title": row["title"],
                    }
                )
        return infos

    def _submitted(self, exchange: Exchange) -> list[Row]:
        groups: dict[tuple[str, str, str], list[Row]] = {}
        for course, role in self._courses(exchange).items():
            if self.cached and role == "instructor":
                continue
            for lab in self._labs(exchange, course):
                for row in exchange.submissions(course, lab["assignment"]):
                    if self.cached or self.asked_for(row["learner"]):
                        key = (course, row["learner"], row["assignment"])
                        groups.setdefault(key, []).append(self._hand_in(row))
        return [
            {
                "course_id": course,
                "student_id": learner,
                "assignment_id": lab,
                "status": "submitted",
                "submissions": infos,
            }
            for (course, learner, lab), infos in sorted(groups.items())
        ]

    def _hand_in(self, row: Row) -> Row:
        time = nbgrader_time(row)
        local = self.lab_root(row["course"], row["assignment"]) / "feedback" / time
        released = row["feedback"]
        mark = local / _MARK
        fetched_mark = mark.read_text() if mark.is_file() else None
        notebooks = []
        for name in notebook_ids(row):
            page = local / f"{name}.html"
            here, there = page.is_file(), released is not None and page.name in released["files"]
            notebooks.append(
                {
                    "notebook_id": name,
                    "path": str(self.lab_root(row["course"], row["assignment"]) / f"{name}.ipynb"),
                    "has_local_feedback": here,
                    "has_exchange_feedback": there,
                    "local_feedback_path": str(page) if here else None,
                    "feedback_updated": here and there and fetched_mark != released["sha256"],
                }
            )
        every = bool(notebooks) and all(n["has_local_feedback"] for n in notebooks)
        return {
            "course_id": row["course"],
            "student_id": row["learner"],
            "assignment_id": row["assignment"],
            "timestamp": time,
            "status": "submitted",
            "path": row["id"],
            "attempt": row["attempt"],
            "counts": row["counts"],
            "late": row["late"],
            "notebooks": notebooks,
            "has_local_feedback": every,
            "has_exchange_feedback": bool(notebooks) and all(n["has_exchange_feedback"] for n in notebooks),
            "feedback_updated": any(n["feedback_updated"] for n in notebooks),
            "local_feedback_path": str(local) if every else None,
        }


def _describe(info: Row) -> str:
    text = f"{info['course_id']} {info['student_id']} {info['assignment_id']} {info['timestamp']}"
    if info["has_local_feedback"] and not info["feedback_updated"]:
        return text + " (feedback already fetched)"
    return text + (
        " (feedback ready to be fetched)" if info["has_exchange_feedback"] else " (no feedback available)"
    )


class HttpExchangeReleaseAssignment(HttpExchange, abc.ExchangeReleaseAssignment):
    """``nbgrader release_assignment``. The due date: ``due``, else the gradebook's, else as it was."""

    due = Dict(help="Due dates by lab, ISO 8601 with zone.").tag(config=True)

    def copy_files(self) -> None:
        """Sends the lab's release folder."""
        course, lab = self.course(), self.coursedir.assignment_id
        folder = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", lab))
        if not folder.is_dir():
            self.fail(
                f"{folder}: 没有，请先生成学员版。 Not there, run `nbgrader generate_assignment` first."
            )
        with self.service() as exchange:
            exchange.release(course, lab, folder, due=self._due_date(lab), force=self.force)
        self.log.info("已发布 Released as: %s %s", course, lab)

    def _due_date(self, lab: str) -> datetime | str | None:
        if lab in self.due:
            return str(self.due[lab])
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                moment: datetime | None = gradebook.find_assignment(lab).duedate
            except MissingEntry:
                return None
        return moment.replace(tzinfo=UTC) if moment else None


class HttpExchangeFetchAssignment(HttpExchange, abc.ExchangeFetchAssignment):
    """``nbgrader fetch_assignment``; with --replace only files that are missing are written."""

    def copy_files(self) -> None:
        """Brings the lab into the person's folder."""
        course, lab = self.course(), self.coursedir.assignment_id
        target = self.lab_root(course, lab)
        if target.is_dir() and not self.replace_missing_files:
            self.fail(
                f"您已经有这个作业了。 You already have a copy of the assignment in this directory: {target}"
            )
        with self.service() as exchange, tempfile.TemporaryDirectory() as scratch:
            if not target.is_dir():
                exchange.fetch(course, lab, target)
            else:
                for source in sorted(exchange.fetch(course, lab, Path(scratch) / "lab").rglob("*")):
                    self._replace_if_missing(source, target / source.relative_to(Path(scratch) / "lab"))
        self.log.info("已取到 Fetched as: %s %s", course, lab)

    def _replace_if_missing(self, source: Path, target: Path) -> None:
        if source.is_file() and not target.exists():
            self.log.warning("补回 Replacing missing file '%s'", target)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


class HttpExchangeSubmit(HttpExchange, abc.ExchangeSubmit):
    """``nbgrader submit``: hands in, keeps the receipt in the person's home and says so."""

    def copy_files(self) -> None:
        """Sends the person's lab folder."""
        course, lab = self.course(), Path(self.coursedir.assignment_id).name
        folder = self.lab_root(course, lab)
        if not folder.is_dir():
            self.fail(f"没有这个文件夹：{folder}。 Assignment not found at: {folder}")
        if self.coursedir.student_id not in ("", "*"):
            self.log.warning(
                "--student 不起作用：以登录的人为准。 --student is ignored: you are who signed in."
            )
        with self.service() as exchange:
            self._compare_with_release(exchange, course, lab, folder)
            row = exchange.submit(course, lab, folder, home=Path.home())
        late = ("，已过截止时间", ", after the due date") if row["late"] else ("", "")
        time = nbgrader_time(row)
        self.log.info(
            "交上了：第 %s 次，服务器时间 %s%s，回执在 %s", row["attempt"], time, late[0], row["receipt_file"]
        )
        self.log.info(
            "Handed in: attempt %s, server time %s%s, receipt kept in %s",
            row["attempt"], time, late[1], row["receipt_file"],
        )  # fmt: skip
        self.log.info("Submitted as: %s %s %s", course, lab, time)

    def _compare_with_release(self, exchange: Exchange, course: str, lab: str, folder: Path) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            released = {p.name for p in exchange.fetch(course, lab, Path(scratch) / "lab").glob("*.ipynb")}
        missing = sorted(released - {p.name for p in folder.glob("*.ipynb")})
        if missing and self.strict:
            self.fail(f"缺少笔记本，没有交。 Not submitted, notebooks are missing: {', '.join(missing)}")
        if missing:
            self.log.warning("缺少笔记本 Possible missing notebooks: %s", ", ".join(missing))


class HttpExchangeCollect(HttpExchange, abc.ExchangeCollect):
    """``nbgrader collect``: for each learner the attempt that counts (last in time, else last)."""

    def copy_files(self) -> None:
        """Writes submitted/LEARNER/LAB with the server's time; one bad hand-in stops no other."""
        course, lab = self.course(), self.coursedir.assignment_id
        with self.service() as exchange:
            rows = [
                r for r in exchange.submissions(course, lab) if r["counts"] and self.asked_for(r["learner"])
            ]
            if not rows:
                self.log.warning("没有可收的 No submissions of '%s' for course '%s' to collect", lab, course)
            else:
                self.log.info("Processing %s submissions of '%s' for course '%s'", len(rows), lab, course)
            failed = [row["learner"] for row in rows if not self._collect(exchange, row)]
        if failed:
            self.fail(f"没有收到这些人的 Not collected: {', '.join(map(repr, failed))}")

    def _collect(self, exchange: Exchange, row: Row) -> bool:
        learner, lab = row["learner"], row["assignment"]
        if not PLAIN_NAME.match(learner):
            self.log.error(
                "名字不能用作文件夹名 %r cannot be a folder's name; hand-in %s stays in the exchange",
                learner,
                row["id"],
            )
            return False
        target = Path(self.coursedir.format_path(self.coursedir.submitted_directory, learner, lab))
        if target.is_dir():
            if not self.update:
                self.log.info("Submission already exists, use --update to update: %s %s", learner, lab)
                return True
            if self.coursedir.get_existing_timestamp(str(target)) == parse_utc(nbgrader_time(row)):
                self.log.info("No newer submission to collect: %s %s", learner, lab)
                return True
        self.log.info("Collecting submission: %s %s (attempt %s)", learner, lab, row["attempt"])
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".collect-") as scratch:
            try:
                fresh = exchange.fetch_submission(row["course"], row["id"], Path(scratch) / "new")
            except ExchangeError as error:
                self.log.error("%s %s: %s", learner, lab, error)  # noqa: TRY400 - the message says it all
                return False
            # nbgrader carries a learner's extra files on into the feedback folder, where these
            # would pass for the grader's own.
            for forged in (fresh / "score.json", *fresh.glob("*.html"), *fresh.glob("*.txt")):
                if (
                    forged.name in ("score.json", "timestamp.txt", "submission_secret.txt")
                    or forged.suffix == ".html"
                ):
                    shutil.rmtree(forged) if forged.is_dir() else forged.unlink(missing_ok=True)
            (fresh / "timestamp.txt").write_text(nbgrader_time(row))
            if target.is_dir():
                target.rename(Path(scratch) / "old")
            fresh.rename(target)
        return True


class HttpExchangeReleaseFeedback(HttpExchange, abc.ExchangeReleaseFeedback):
    """``nbgrader release_feedback``: html pages and score.json to the attempt that they were made for."""

    def copy_files(self) -> None:
        """Sends feedback/LEARNER/LAB of every learner asked for; names those that could not be sent."""
        course, lab = self.course(), self.coursedir.assignment_id
        failed = []
        with self.service() as exchange:
            for row in exchange.submissions(course, lab):
                if not self.asked_for(row["learner"]) or not PLAIN_NAME.match(row["learner"]):
                    continue
                folder = Path(
                    self.coursedir.format_path(self.coursedir.feedback_directory, row["learner"], lab)
                )
                stamp = folder / "timestamp.txt"
                if not stamp.is_file() or parse_utc(stamp.read_text().strip()) != parse_utc(
                    nbgrader_time(row)
                ):
                    continue
                try:
                    self._send(exchange, row, folder)
                except ExchangeError as error:
                    self.log.error("%s: %s", row["learner"], error)  # noqa: TRY400
                    failed.append(row["learner"])
        if failed:
            self.fail(f"没有发出这些人的反馈 Feedback not released for: {', '.join(failed)}")

    def _send(self, exchange: Exchange, row: Row, folder: Path) -> None:
        pages = sorted(folder.glob("*.html"))
        if not pages:
            return
        with tempfile.TemporaryDirectory() as scratch:
            parcel = Path(scratch) / "feedback"
            parcel.mkdir()
            for page in pages:
                shutil.copyfile(page, parcel / page.name)
            score = folder / "score.json"
            if score.is_file():
                shutil.copyfile(score, parcel / "score.json")
            else:
                text = json.dumps(self._score(row), ensure_ascii=False)
                (parcel / "score.json").write_text(text, encoding="utf-8")
            exchange.put_feedback(row["course"], row["id"], parcel)
        self.log.info(
            "反馈已发出 Releasing feedback for student '%s' on assignment '%s/%s' (%s)",
            row["learner"], row["course"], row["assignment"], nbgrader_time(row),
        )  # fmt: skip

    def _score(self, row: Row) -> Row:
        with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
            try:
                submission = gradebook.find_submission(row["assignment"], row["learner"])
            except MissingEntry:
                return {
                    "score": None,
                    "max_score": 0.0,
                    "needs_manual": True,
                    "outcome": "graded",
                    "items": [],
                    "note": None,
                }
            items = [_item(grade) for notebook in submission.notebooks for grade in notebook.grades]
            manual = bool(submission.needs_manual_grade)
            return {
                "score": float(submission.score),
                "max_score": float(submission.max_score),
                "needs_manual": manual,
                "outcome": "graded",
                "items": items,
                "note": None,
            }


def _item(grade: Any) -> Row:
    score, most = float(grade.score or 0), float(grade.max_score or 0)
    state = "right" if score >= most else "wrong" if score <= 0 else "partly"
    return {
        "item": grade.name,
        "title": {"zh": grade.name, "en": grade.name},
        "score": score,
        "max_score": most,
        "message": None,
        "state": "to-be-marked" if grade.needs_manual_grade else state,
    }


class HttpExchangeFetchFeedback(HttpExchange, abc.ExchangeFetchFeedback):
    """``nbgrader fetch_feedback``: pages into LAB/feedback/TIME/, as nbgrader does."""

    def copy_files(self) -> None:
        """Brings the person's own feedback that is new or changed."""
        course, lab = self.course(), self.coursedir.assignment_id
        with self.service() as exchange:
            for row in exchange.submissions(course, lab):
                time, released = nbgrader_time(row), row["feedback"]
                if released is None:
                    self.log.warning(
                        "还没有反馈 Could not find feedback for '%s/%s' submitted at %s", course, lab, time
                    )
                    continue
                target = self.lab_root(course, lab) / "feedback" / time
                mark = target / _MARK
                if mark.is_file() and mark.read_text() == released["sha256"]:
                    continue
                exchange.fetch_feedback(course, row["id"], target, replace=True)
                mark.write_text(released["sha256"])
                self.log.info("反馈已取到 Fetched feedback: %s", target)
