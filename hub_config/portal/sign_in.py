# SPDX-License-Identifier: BSD-3-Clause
"""Signing in with the hub (OAuth 2, with state and PKCE). The visitor's token stays in her own cookie."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import httpx
from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from .settings import Settings

TOKEN_COOKIE = "labroom-portal"  # noqa: S105 a cookie's name
STATE_COOKIE = "labroom-portal-state-"
STATE_SECONDS = 600
LONGEST = 1500


class HubDown(Exception):  # noqa: N818 - read as a sentence where it is raised
    """The hub did not answer."""


class SignInRefused(Exception):  # noqa: N818 - read as a sentence where it is raised
    """The hub or the cookies say that this sign-in is not valid."""


@dataclass(frozen=True)
class Visitor:
    """Who looks at the page, and the token with which everything is read for her."""

    name: str
    token: str


async def find_visitor(request: Request, settings: Settings, hub: httpx.AsyncClient) -> Visitor | None:
    """The signed-in visitor, asked of the hub each time; None when she has to sign in (again)."""
    token = request.cookies.get(TOKEN_COOKIE)
    if not token or not token.isascii():
        return None
    try:
        answer = await hub.get(f"{settings.hub_api}/user", headers={"Authorization": f"token {token}"})
    except httpx.HTTPError as error:
        raise HubDown from error
    if answer.status_code in (401, 403, 404):
        return None
    if answer.status_code != httpx.codes.OK:
        raise HubDown
    return Visitor(str(answer.json()["name"]), token)


def send_to_sign_in(request: Request, settings: Settings) -> Response:
    """To the hub's authorisation page; what must be remembered meanwhile is in a short-lived cookie."""
    state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = {
        "client_id": settings.client_id,
        "redirect_uri": settings.prefix + "oauth_callback",
        "response_type": "code",
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    answer = RedirectResponse(f"{settings.hub_path}api/oauth2/authorize?{urlencode(query)}", 302)
    remembered = json.dumps([state, verifier, wanted if len(wanted) < LONGEST else ""])
    set_cookie(answer, request, STATE_COOKIE + state[:8], _packed(remembered), settings.prefix, STATE_SECONDS)
    return answer


async def finish_sign_in(request: Request, settings: Settings, hub: httpx.AsyncClient) -> Response:
    """Exchange the code for the visitor's token, put it into her cookie, go where she wanted.

    Raises SignInRefused when state or code do not fit, HubDown when the hub does not answer.
    """
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    name = STATE_COOKIE + state[:8]
    expected, verifier, wanted = _unpacked(request.cookies.get(name, ""))
    if not code or not expected or not secrets.compare_digest(state.encode(), expected.encode()):
        raise SignInRefused
    form = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": settings.prefix + "oauth_callback",
    }
    try:
        answer = await hub.post(f"{settings.hub_api}/oauth2/token", data=form)
    except httpx.HTTPError as error:
        raise HubDown from error
    if answer.status_code >= 500:
        raise HubDown
    token = answer.json().get("access_token") if answer.status_code == httpx.codes.OK else None
    if not token:
        raise SignInRefused
    response = RedirectResponse(safe_next(wanted, settings.prefix), 302)
    set_cookie(response, request, TOKEN_COOKIE, token, settings.prefix)
    response.delete_cookie(name, path=settings.prefix)
    return response


def set_cookie(
    answer: Response, request: Request, name: str, value: str, path: str, seconds: int | None = None
) -> None:
    """A cookie that no script can read and no other site can send along; https keeps it to itself."""
    answer.set_cookie(
        name,
        value,
        max_age=seconds,
        path=path,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def safe_next(wanted: str, prefix: str) -> str:
    """A path below the course page, or the course page itself: never another site."""
    parts = urlsplit(wanted)
    plain = not parts.scheme and not parts.netloc and "\\" not in wanted and wanted.isprintable()
    return wanted if plain and wanted.startswith(prefix) and ".." not in parts.path else prefix


def _packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _unpacked(text: str) -> tuple[str, str, str]:
    try:
        state, verifier, wanted = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return "", "", ""
    return str(state), str(verifier), str(wanted)
