# SPDX-License-Identifier: BSD-3-Clause
"""What one exchange service is told by its surroundings: where it keeps things, and its limits."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MIB = 1024 * 1024
_SIZE = re.compile(r"(\d+)\s*([KMG]?)(?:i?B)?\Z", re.IGNORECASE)


class SettingsError(ValueError):
    """An environment variable cannot be used; the message says which and what to write."""


@dataclass(frozen=True)
class Limits:
    """Largest things the exchange takes. Sizes are bytes."""

    body: int = 64 * MIB
    unpacked: int = 256 * MIB
    members: int = 2000
    ratio: int = 200
    quota: int = 512 * MIB
    attempts: int = 500


@dataclass(frozen=True)
class Settings:
    """Everything the service needs to start. Reading them touches nothing on disk."""

    folder: Path
    database: str
    blobs: str | None
    hub_api: str
    prefix: str = "/services/exchange"
    host: str = "127.0.0.1"
    port: int = 8011
    access_scopes: tuple[str, ...] = ()
    identity_seconds: float = 5.0
    limits: Limits = Limits()

    @property
    def key_file(self) -> Path:
        """Private signing key, readable by the owner only."""
        return self.folder / "signing.key"


def size_in_bytes(text: str, name: str) -> int:
    """Bytes from ``64M``, ``500 KB``, ``1G`` or a plain number; SettingsError names the variable."""
    match = _SIZE.match(text.strip())
    if match is None:
        raise SettingsError(f"{name}={text!r} is no size; write a number of bytes, or 500K, 64M, 1G")
    factor = {"": 1, "K": 1024, "M": MIB, "G": 1024 * MIB}[match[2].upper()]
    return int(match[1]) * factor


def database_url(folder: Path, given: str | None) -> str:
    """Database address: SQLite in the folder, or the given one with the installed PostgreSQL driver."""
    if not given:
        return f"sqlite:///{folder / 'exchange.sqlite'}"
    for plain in ("postgresql://", "postgres://"):
        if given.startswith(plain):
            return "postgresql+psycopg://" + given.removeprefix(plain)
    return given


def settings_from(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of a service, from what JupyterHub and the operator put into its environment.

    Raises SettingsError with the variable's name when one cannot be used.
    """
    folder = environment.get("LABROOM_EXCHANGE_FOLDER")
    if not folder:
        raise SettingsError(
            "LABROOM_EXCHANGE_FOLDER is not set; name the folder that keeps what is handed in"
        )
    root = Path(folder).absolute()
    url = urlsplit(environment.get("JUPYTERHUB_SERVICE_URL") or "http://127.0.0.1:8011")
    sizes = {
        field: size_in_bytes(environment[name], name)
        for field, name in {
            "body": "LABROOM_EXCHANGE_MAX_BODY",
            "unpacked": "LABROOM_EXCHANGE_MAX_UNPACKED",
            "members": "LABROOM_EXCHANGE_MAX_FILES",
            "quota": "LABROOM_EXCHANGE_QUOTA",
            "attempts": "LABROOM_EXCHANGE_MAX_ATTEMPTS",
        }.items()
        if environment.get(name)
    }
    return Settings(
        folder=root,
        database=database_url(root, environment.get("LABROOM_EXCHANGE_DB")),
        blobs=environment.get("LABROOM_EXCHANGE_BLOBS") or None,
        hub_api=(environment.get("JUPYTERHUB_API_URL") or "http://127.0.0.1:8081/hub/api").rstrip("/"),
        prefix=(environment.get("JUPYTERHUB_SERVICE_PREFIX") or "/services/exchange/").rstrip("/"),
        host=url.hostname or "127.0.0.1",
        port=url.port or 8011,
        access_scopes=_access_scopes(environment),
        limits=Limits(**sizes),
    )


def _access_scopes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Scopes of which a token must hold one, as the hub tells its services."""
    raw = environment.get("JUPYTERHUB_OAUTH_ACCESS_SCOPES")
    if not raw:
        return ("access:services", "access:services!service=exchange")
    try:
        return tuple(str(scope) for scope in json.loads(raw))
    except ValueError as error:
        raise SettingsError(f"JUPYTERHUB_OAUTH_ACCESS_SCOPES={raw!r} is no JSON list") from error
