# SPDX-License-Identifier: BSD-3-Clause
"""The four addresses under ``labroom/`` of a person's server."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from jupyter_server.base.handlers import APIHandler, JupyterHandler
from jupyter_server.utils import url_escape, url_path_join
from tornado.web import authenticated

from .check import check_work
from .hand_in import as_problem, find_exchange, hand_in, lab_state
from .lab_folder import LabFolder, LabProblem, lab_at, named_lab
from .language import LANGUAGES, remember_language, remembered_language, set_lab_locale, use_language
from .open_lab import open_lab

Answer = TypeVar("Answer")
LINES = "application/x-ndjson"
QUICK_SECONDS = 5.0
HAND_IN_SECONDS = 60.0
log = logging.getLogger(__name__)


def add_handlers(server: Any) -> None:
    """Add the addresses to a server that has its web application."""
    base = server.web_app.settings["base_url"]
    at_work = AtWork(Path.home(), Path(server.root_dir), _user_settings(server))
    named = {"open": OpenHandler, "check": CheckHandler, "submit": SubmitHandler, "state": StateHandler}
    server.web_app.add_handlers(
        ".*$",
        [
            (url_path_join(base, "labroom", name), handler, {"at_work": at_work})
            for name, handler in named.items()
        ],
    )


class AtWork:
    """One person's server: where her home is, and that one thing is done at a time."""

    def __init__(self, home: Path, root: Path, user_settings: Path | None) -> None:
        self.home, self.root, self.user_settings = home, root, user_settings
        self.files = asyncio.Lock()
        self.checking = asyncio.Lock()


class _Handler(JupyterHandler):
    """What the handlers share: the person's home, and the exchange called outside the event loop."""

    at_work: AtWork

    def initialize(self, at_work: AtWork) -> None:
        """Called by tornado with the dictionary given when the handler was added."""
        self.at_work = at_work

    def lab_in_body(self) -> LabFolder:
        """The lab named by ``path`` in a JSON body."""
        body = self.get_json_body()
        path = body.get("path") if isinstance(body, dict) else None
        if not isinstance(path, str):
            raise LabProblem(
                "no-path", 400, "请求里缺少笔记本的路径。", 'The request has no {"path": "<notebook>"}.'
            )
        return lab_at(self.at_work.home, self.at_work.root, path)

    async def through_exchange(
        self, work: Callable[..., Answer], *arguments: Any, try_seconds: float = QUICK_SECONDS
    ) -> Answer:
        """Run ``work(*arguments, exchange)`` in a thread; what the exchange raises becomes a LabProblem."""
        exchange = find_exchange(try_seconds)
        try:
            return await asyncio.to_thread(work, *arguments, exchange)
        except Exception as error:
            # By name, so that a server without an exchange does not import its client.
            if type(error).__name__ != "ExchangeError":
                raise
            log.warning("exchange: %s", error)
            raise as_problem(error) from error
        finally:
            if exchange is not None:
                exchange.close()

    def refuse(self, problem: LabProblem) -> None:
        """Answer with the problem as JSON."""
        self.set_status(problem.status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(problem.as_json(), ensure_ascii=False))

    def answer(self, value: dict[str, Any]) -> None:
        """Answer with JSON."""
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value, ensure_ascii=False))


class OpenHandler(_Handler):
    """``GET labroom/open?course=&lab=&lang=``: to the notebook, fetched and in the person's language."""

    @authenticated
    async def get(self) -> None:
        """Redirect to the notebook, or a page that says what to do instead."""
        home = self.at_work.home
        language = self.get_query_argument("lang", "")
        if language not in LANGUAGES:
            language = remembered_language(home) or "zh"
        try:
            lab = named_lab(home, self.get_query_argument("course", ""), self.get_query_argument("lab", ""))
            async with self.at_work.files:
                await self.through_exchange(open_lab, lab, language)
            remember_language(home, language)
            use_language(language)
            if self.at_work.user_settings:
                set_lab_locale(self.at_work.user_settings, language)
        except LabProblem as problem:
            log.warning("open: %s", problem)
            self.set_status(problem.status)
            self.finish(problem_page(problem, language))
            return
        path = lab.notebook.resolve().relative_to(self.at_work.root.resolve()).as_posix()
        self.redirect(url_path_join(self.base_url, "doc", "tree", url_escape(path)))


class CheckHandler(_Handler, APIHandler):
    """``POST labroom/check {"path"}``: runs the notebook; JSON, or progress by lines when asked for."""

    @authenticated
    async def post(self) -> None:
        """The result; with ``Accept: application/x-ndjson`` each fact as it comes."""
        if self.at_work.checking.locked():
            self.refuse(
                LabProblem(
                    "busy", 409, "上一次检查还没有结束。", "The check before this one is still running."
                )
            )
            return
        by_lines = LINES in self.request.headers.get("Accept", "")
        self.listening = asyncio.current_task()
        async with self.at_work.checking:
            try:
                facts = check_work(self.lab_in_body())
                try:
                    async for fact in facts:
                        if by_lines:
                            self.set_header("Content-Type", LINES)
                            self.write(json.dumps(fact, ensure_ascii=False) + "\n")
                            await self.flush()
                        elif "result" in fact:
                            self.answer(fact["result"])
                finally:
                    await facts.aclose()
            except LabProblem as problem:
                log.warning("check: %s %s", problem, problem.detail)
                if by_lines and self._headers_written:
                    self.write(json.dumps(problem.as_json(), ensure_ascii=False) + "\n")
                else:
                    self.refuse(problem)
        if not self._finished:
            self.finish()

    def on_connection_close(self) -> None:
        """Nobody waits for the result any more: end the run."""
        super().on_connection_close()
        if self.listening is not None:
            self.listening.cancel()

    listening: asyncio.Task[Any] | None = None


class SubmitHandler(_Handler, APIHandler):
    """``POST labroom/submit {"path"}``: hands in and answers with the receipt."""

    @authenticated
    async def post(self) -> None:
        """The exchange's answer to the hand-in."""
        try:
            lab = self.lab_in_body()
            async with self.at_work.files:
                answer = await self.through_exchange(hand_in, lab, try_seconds=HAND_IN_SECONDS)
        except LabProblem as problem:
            log.warning("submit: %s %s", problem, problem.detail)
            self.refuse(problem)
        else:
            self.answer(answer)


class StateHandler(_Handler, APIHandler):
    """``GET labroom/state?path=``: what the bar above the notebook says."""

    @authenticated
    async def get(self) -> None:
        """Due date, attempts, language; what cannot be known now is null."""
        language = remembered_language(self.at_work.home)
        try:
            lab = lab_at(self.at_work.home, self.at_work.root, self.get_query_argument("path", ""))
            try:
                state = await self.through_exchange(lab_state, lab)
            except LabProblem as problem:
                state = {**lab_state(lab, None), **problem.as_json(), "exchange": True}
        except LabProblem as problem:
            self.refuse(problem)
        else:
            self.answer({**state, "language": language})


def problem_page(problem: LabProblem, language: str) -> str:
    """A page for a person: both languages, hers first, and the way back."""
    other = "en" if language == "zh" else "zh"
    template = files(__package__).joinpath("problem.html").read_text(encoding="utf-8")
    words = {
        "first": problem.message[language],
        "second": problem.message[other],
        "first_lang": language,
        "second_lang": other,
        "code": problem.code,
        "course_page": url_path_join(os.environ.get("JUPYTERHUB_BASE_URL", "/"), "hub") + "/",
    }
    for name, value in words.items():
        template = template.replace(f"[[{name}]]", escape(value))
    return template


def _user_settings(server: Any) -> Path | None:
    apps = [point.app for point in server.extension_manager.extension_points.values()]
    folders = [getattr(app, "user_settings_dir", None) for app in apps if app is not None]
    return next((Path(folder) for folder in folders if folder), None)
