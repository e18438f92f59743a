# SPDX-License-Identifier: BSD-3-Clause
"""The course page's addresses. Everything is GET, nothing is changed but cookies."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .readings import ExchangeDown, NotFound, Readings
from .settings import Settings
from .sign_in import (
    TOKEN_COOKIE,
    HubDown,
    SignInRefused,
    Visitor,
    find_visitor,
    finish_sign_in,
    safe_next,
    send_to_sign_in,
    set_cookie,
)
from .words import Speech, choose_language

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "labroom-language"
YEAR = 365 * 24 * 3600
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
# A feedback page shows what a learner's notebook printed: no script, no network, an origin of its own.
FEEDBACK_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "frame-ancestors 'self'"
)
PROBLEMS = {
    HubDown: ("hub-down", 503),
    ExchangeDown: ("exchange-down", 503),
    NotFound: ("not-found", 404),
    SignInRefused: ("refused", 403),
}

Shown = Callable[[Request, Visitor, Readings], Awaitable[Response]]


def make_app(settings: Settings) -> FastAPI:
    """The course page as an ASGI application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=httpx.Timeout(12, connect=4), trust_env=False) as client:
            app.state.client = client
            yield

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    page = CoursePage(settings)
    prefix = settings.prefix
    app.mount(prefix + "static", StaticFiles(directory=HERE / "static"))
    app.middleware("http")(_add_headers)
    addresses: dict[str, Callable[..., Any]] = {
        "": page.courses,
        "health": page.health,
        "oauth_callback": page.oauth_callback,
        "language": page.language,
        "sign-out": page.sign_out,
        "receipts/{course}/{submission}": page.receipt,
        "receipts/{course}/{submission}/download": page.receipt_file,
        "feedback/{course}/{submission}": page.feedback,
        "feedback/{course}/{submission}/page": page.feedback_page,
    }
    for path, endpoint in addresses.items():
        app.add_api_route(prefix + path, endpoint, methods=["GET"], response_model=None)
    for error in PROBLEMS:
        app.add_exception_handler(error, page.problem)
    app.add_exception_handler(404, page.problem)
    # Whatever else goes wrong is logged by the server; the visitor gets a sentence.
    app.add_exception_handler(Exception, page.broken)
    return app


class CoursePage:
    """The pages, with the settings and templates that they share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def health(self) -> dict[str, str]:
        """Whether this process answers; says nothing about others."""
        return {"status": "ok"}

    async def courses(self, request: Request) -> Response:
        """The page after sign-in: courses and their labs."""

        async def show(request: Request, visitor: Visitor, readings: Readings) -> Response:
            views = await readings.courses([course.id for course in self.settings.courses])
            return self._render(request, "courses.html", visitor, views=views)

        return await self._for_visitor(request, show)

    async def receipt(self, request: Request, course: str, submission: str) -> Response:
        """A receipt for reading."""

        async def show(request: Request, visitor: Visitor, readings: Readings) -> Response:
            signed = await readings.receipt(course, submission)
            title = await readings.title(course, signed["receipt"]["assignment"])
            return self._render(request, "receipt.html", visitor, receipt=signed["receipt"], lab_title=title)

        return await self._for_visitor(request, show)

    async def receipt_file(self, request: Request, course: str, submission: str) -> Response:
        """A receipt for keeping: the signed JSON, as the exchange gave it."""

        async def show(_request: Request, _visitor: Visitor, readings: Readings) -> Response:
            signed = await readings.receipt(course, submission)
            content = signed["receipt"]
            name = quote(f"receipt-{content['assignment']}-{content['attempt']}.json")
            return Response(
                json.dumps(signed, ensure_ascii=False, indent=1) + "\n",
                media_type="application/json",
                headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
            )

        return await self._for_visitor(request, show)

    async def feedback(self, request: Request, course: str, submission: str) -> Response:
        """Score and messages per item, and the notebook with comments in a frame that can do nothing."""

        async def show(request: Request, visitor: Visitor, readings: Readings) -> Response:
            signed = await readings.receipt(course, submission)
            receipt = signed["receipt"]
            score = await readings.score(course, submission)
            title = await readings.title(course, receipt["assignment"])
            return self._render(
                request, "feedback.html", visitor, receipt=receipt, score=score, lab_title=title
            )

        return await self._for_visitor(request, show)

    async def feedback_page(self, request: Request, course: str, submission: str) -> Response:
        """The notebook with comments, for the frame."""

        async def show(_request: Request, _visitor: Visitor, readings: Readings) -> Response:
            receipt = (await readings.receipt(course, submission))["receipt"]
            html = await readings.feedback_page(course, receipt["assignment"], submission)
            return HTMLResponse(html, headers={"Content-Security-Policy": FEEDBACK_POLICY})

        return await self._for_visitor(request, show)

    async def oauth_callback(self, request: Request) -> Response:
        """Back from the hub's authorisation."""
        return await finish_sign_in(request, self.settings, request.app.state.client)

    async def language(self, request: Request) -> Response:
        """Remember a language and go back."""
        wanted = request.query_params.get("to", "")
        answer = RedirectResponse(safe_next(request.query_params.get("next", ""), self.settings.prefix), 302)
        if wanted in ("zh", "en"):
            # For the whole site, so that the sign-in page can follow it.
            set_cookie(answer, request, LANGUAGE_COOKIE, wanted, "/", YEAR)
        return answer

    async def sign_out(self, request: Request) -> Response:
        """Forget the visitor's token here, then sign out of the hub."""
        answer = RedirectResponse(f"{self.settings.hub_path}logout", 302)
        answer.delete_cookie(TOKEN_COOKIE, path=self.settings.prefix)
        return answer

    async def problem(self, request: Request, error: Exception) -> Response:
        """One page for whatever went wrong, in both languages, with what to do next."""
        name, status = PROBLEMS.get(type(error), ("not-found", 404))
        return self._sorry(request, name, status)

    async def broken(self, request: Request, _error: Exception) -> Response:
        """The page for a mistake of ours."""
        return _shut(self._sorry(request, "broken", 500), request)

    def _sorry(self, request: Request, name: str, status: int) -> Response:
        answer = self._render(request, "problem.html", None, sentence=name, status=status)
        answer.status_code = status
        return answer

    async def _for_visitor(self, request: Request, show: Shown) -> Response:
        client = request.app.state.client
        visitor = await find_visitor(request, self.settings, client)
        if visitor is None:
            return send_to_sign_in(request, self.settings)
        return await show(request, visitor, Readings(client, self.settings.exchange, visitor))

    def _render(self, request: Request, template: str, visitor: Visitor | None, **shown: Any) -> Response:
        settings = self.settings
        speech = self._speech(request)
        other = "en" if speech.language == "zh" else "zh"
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        html = self.templates.get_template(template).render(
            **shown,
            t=speech.say,
            speech=speech,
            other_speech=Speech(other, speech.zone, speech.now),
            language=speech.language,
            visitor=visitor,
            prefix=settings.prefix,
            season=settings.title[speech.language],
            course_title=lambda course: settings.course_title(course, speech.language),
            switch_link=f"{settings.prefix}language?{urlencode({'to': other, 'next': here})}",
            open_link=lambda lab: visitor and self._open_link(visitor, lab, speech.language),
            grade_link=self._grade_link,
        )
        return HTMLResponse(html)

    def _speech(self, request: Request) -> Speech:
        cookie = request.cookies.get(LANGUAGE_COOKIE)
        language = choose_language(cookie, request.headers.get("accept-language", ""), self.settings.language)
        return Speech(language, self.settings.zone, datetime.now(UTC))

    def _open_link(self, visitor: Visitor, lab: Any, language: str) -> str:
        base = self.settings.hub_path.removesuffix("hub/")
        query = urlencode({"course": lab.course, "lab": lab.id, "lang": language})
        return self._spawn_link(visitor.name, f"{base}user/{quote(visitor.name)}/labroom/open?{query}")

    def _grade_link(self, course: str) -> str:
        base = self.settings.hub_path.removesuffix("hub/")
        return self._spawn_link(f"grader-{course}", f"{base}user/grader-{quote(course)}/formgrader")

    def _spawn_link(self, server: str, then: str) -> str:
        return f"{self.settings.hub_path}spawn/{quote(server)}?{urlencode({'next': then})}"


async def _add_headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    return _shut(await call_next(request), request)


def _shut(answer: Response, request: Request) -> Response:
    """The headers that every page has: what it may load, that it is not kept, where it does not send."""
    answer.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "same-origin"
    if "/static/" not in request.url.path:
        answer.headers["Cache-Control"] = "no-store"
    return answer
