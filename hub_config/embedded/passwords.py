# SPDX-License-Identifier: BSD-3-Clause
"""The two passwords of a classroom hub: one for the class, one for the authors. Stored only as hashes."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from labroom.hub_config.data_folder import DataFolder

from .settings import write_private

# Read out in a classroom and typed on a phone: no letters that look or sound alike.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_COST = {"n": 2**14, "r": 8, "p": 1}
ROLES = ("class", "author")


@dataclass(frozen=True)
class NewPasswords:
    """Passwords in clear, to be shown once; None where the old one stays."""

    learner: str | None
    author: str | None


def new_password(groups: int = 3) -> str:
    """A password that can be read out: groups of four letters or digits, about 20 bits each."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(groups))


def password_file(data: DataFolder) -> Path:
    """Where the hashes are."""
    return data.hub / "passwords.json"


def prepare_passwords(
    data: DataFolder, *, learner: str | None = None, author: str | None = None, renew: bool = False
) -> NewPasswords:
    """Make sure that both passwords exist; returns those that were made or given now."""
    path = password_file(data)
    stored: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    fresh: dict[str, str] = {}
    for role, given, length in (("class", learner, 2), ("author", author, 4)):
        if given is not None:
            fresh[role] = given
        elif renew or role not in stored:
            fresh[role] = new_password(length)
    if fresh:
        write_private(path, json.dumps(stored | {role: hash_password(word) for role, word in fresh.items()}))
    return NewPasswords(fresh.get("class"), fresh.get("author"))


def hash_password(password: str) -> str:
    """Salted scrypt hash, as text."""
    salt = secrets.token_bytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, **_COST)
    return "$".join(["scrypt", base64.b64encode(salt).decode(), base64.b64encode(digest).decode()])


def matches(password: str, stored: str) -> bool:
    """Whether this is the password of that hash. Takes some 50 ms on purpose."""
    _, salt, digest = stored.split("$")
    found = hashlib.scrypt(password.encode(), salt=base64.b64decode(salt), **_COST)
    return hmac.compare_digest(found, base64.b64decode(digest))


def read_hashes(path: Path) -> dict[str, str]:
    """Hashes by role."""
    hashes: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return hashes
