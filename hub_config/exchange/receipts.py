# SPDX-License-Identifier: BSD-3-Clause
"""Signed receipts: what was handed in, by whom, when; checked by anyone with the public key."""

import base64
import binascii
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "ed25519"
FIELDS = (
    "version", "id", "course", "assignment", "learner", "attempt",
    "timestamp", "due", "late", "sha256", "size", "files",
)  # fmt: skip


class ReceiptError(ValueError):
    """A receipt or key file cannot be read as one; the message says what is wrong."""


def canonical(receipt: Mapping[str, Any]) -> bytes:
    """The exact bytes that are signed: JSON with sorted keys, no spaces, UTF-8."""
    return json.dumps(receipt, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Signer:
    """The exchange's key pair."""

    key: Ed25519PrivateKey

    @property
    def public(self) -> dict[str, str]:
        """What everybody may know: the answer of ``GET /key`` and the content of ``exchange-key.json``."""
        raw = self.key.public_key().public_bytes_raw()
        return {"key_id": key_id(raw), "algorithm": ALGORITHM, "public_key": base64.b64encode(raw).decode()}

    def sign(self, receipt: Mapping[str, Any]) -> dict[str, Any]:
        """The receipt with its signature."""
        signature = base64.b64encode(self.key.sign(canonical(receipt))).decode()
        return {"receipt": dict(receipt), "key_id": self.public["key_id"], "signature": signature}


def key_id(public_raw: bytes) -> str:
    """Short name of a public key: 16 hexadecimal digits of its sha256."""
    return hashlib.sha256(public_raw).hexdigest()[:16]


def load_or_make_key(path: Path) -> Signer:
    """The signing key of this file; made once, 0600, even when two services start at the same moment.

    Raises ReceiptError when the file is no Ed25519 key: a new one must not silently replace it,
    for all receipts so far were signed by the old one.
    """
    if not path.exists():
        _make_key(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ReceiptError(f"{path}: not a signing key ({error}); restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ReceiptError(f"{path}: not an Ed25519 key; restore it from a backup")
    path.chmod(0o600)
    return Signer(key)


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link, unlike a rename, fails when another service was first.
            os.link(part, path)
        except FileExistsError:
            return
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check. ``problems`` are (中文, English) pairs; none means good."""

    receipt: Mapping[str, Any]
    key_id: str
    problems: tuple[tuple[str, str], ...]

    @property
    def good(self) -> bool:
        """Whether the receipt is the exchange's own, unaltered."""
        return not self.problems


def read_public_key(text: str, where: str) -> dict[str, str]:
    """A public key as ``GET /key`` gives it. ReceiptError says where and what is wrong."""
    try:
        value = json.loads(text)
        raw = base64.b64decode(value["public_key"], validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise ReceiptError(f"{where}: not a public key of an exchange ({error})") from error
    return {"key_id": key_id(raw), "algorithm": ALGORITHM, "public_key": value["public_key"]}


def read_signed(text: str, where: str) -> dict[str, Any]:
    """A signed receipt from a file's text. ReceiptError says where and what is wrong."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ReceiptError(f"{where}: not JSON ({error})") from error
    except RecursionError as error:
        raise ReceiptError(f"{where}: nested too deeply to be a receipt") from error
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("receipt"), dict)
        or not isinstance(value.get("signature"), str)
        or not isinstance(value.get("key_id"), str)
    ):
        raise ReceiptError(f"{where}: not a receipt; it needs receipt, key_id and signature")
    return value


def verify(signed: Mapping[str, Any], public: Mapping[str, str]) -> Verdict:
    """Checks a signed receipt against a public key; knows nothing but these two."""
    receipt = signed["receipt"]
    raw = base64.b64decode(public["public_key"])
    problems: list[tuple[str, str]] = []
    if signed["key_id"] != key_id(raw):
        problems.append(
            (
                f"这张回执说它由另一把钥匙签名（{signed['key_id']}，不是 {key_id(raw)}）",
                f"this receipt says it was signed by another key ({signed['key_id']}, not {key_id(raw)})",
            )
        )
    try:
        signature = base64.b64decode(signed["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, canonical(receipt))
    except (InvalidSignature, binascii.Error, ValueError):
        problems.append(
            (
                "签名与内容不符：回执被改动过，或不是这个交换服务发出的",
                "the signature does not fit the content: the receipt was altered, or is not this exchange's",
            )
        )
    missing = [field for field in FIELDS if field not in receipt]
    if missing:
        problems.append((f"缺少内容：{', '.join(missing)}", f"fields are missing: {', '.join(missing)}"))
    return Verdict(receipt, str(signed["key_id"]), tuple(problems))
