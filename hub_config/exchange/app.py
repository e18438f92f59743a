# SPDX-License-Identifier: BSD-3-Clause
"""The exchange as an ASGI application: one prefix, JSON answers, every refusal in both languages."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from . import routes_assignments, routes_common, routes_submissions
from .identity import HubIdentity
from .messages import Refused
from .settings import Settings
from .store import Store, open_store

LOG = logging.getLogger("labroom.exchange")
_BY_STATUS = {404: "not-found", 405: "method-not-allowed"}


def create_app(settings: Settings) -> FastAPI:
    """The service, its database and key opened (and made or upgraded) before it answers anything."""
    store = open_store(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=8)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as client:
            scopes = frozenset(settings.access_scopes)
            app.state.identity = HubIdentity(client, settings.hub_api, scopes, settings.identity_seconds)
            yield
        store.database.close()

    app = FastAPI(
        title="Labroom exchange",
        description="Labs out, hand-ins in, feedback out. Nothing that has a receipt is ever lost.",
        version="1",
        lifespan=lifespan,
        openapi_url=f"{settings.prefix}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.store = store
    for router in (routes_common.router, routes_assignments.router, routes_submissions.router):
        app.include_router(router, prefix=settings.prefix)
    _answer_refusals(app)
    return app


def store_of(app: FastAPI) -> Store:
    """The open store behind an application."""
    store: Store = app.state.store
    return store


def _answer(refused: Refused) -> JSONResponse:
    headers = {"WWW-Authenticate": "token"} if refused.status == 401 else {}
    if refused.status == 503:
        headers["Retry-After"] = "2"
    return JSONResponse(refused.as_json(), status_code=refused.status, headers=headers)


def _answer_refusals(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def _refused(_request: Request, refused: Refused) -> JSONResponse:
        return _answer(refused)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        where: list[dict[str, Any]] = [
            {"where": [str(part) for part in fault["loc"]], "what": fault["msg"]} for fault in error.errors()
        ]
        return _answer(Refused("bad-request", where))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        answer = _answer(Refused(_BY_STATUS.get(error.status_code, "bad-request"), error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def _failed(request: Request, error: Exception) -> JSONResponse:
        LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return _answer(Refused("internal"))
