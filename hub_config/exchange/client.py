# SPDX-License-Identifier: BSD-3-Clause
"""Talks to the exchange for a person: from their server, the hub's pages, or the operator's commands.

Needs httpx and the standard library only, so that a person's server stays small.
"""

import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx

from .archives import all_files, files_to_submit, pack, unpack
from .messages import Refused
from .settings import Limits

TRY_SECONDS = 60.0
_FETCH_LIMITS = Limits(unpacked=1 << 31, members=20_000, ratio=2000)
Json = dict[str, Any]
Answer = TypeVar("Answer")


class ExchangeError(Exception):
    """The exchange, or the way to it, says no. ``message`` has "zh" and "en"; status 0: no answer at all."""

    def __init__(self, code: str, message: Mapping[str, str], status: int = 0, detail: Any = None) -> None:
        self.code = code
        self.message = dict(message)
        self.status = status
        self.detail = detail
        about = f" ({detail})" if detail else ""
        super().__init__(f"[{code}] {self.message['zh']} {self.message['en']}{about}")


def _own(code: str, detail: Any = None) -> ExchangeError:
    refused = Refused(code, detail)
    return ExchangeError(code, refused.message, refused.status, detail)


class Exchange:
    """One person's way to the exchange. Use as a context manager, or call ``close``."""

    def __init__(self, url: str, token: str, *, try_seconds: float = TRY_SECONDS) -> None:
        self.url = url.rstrip("/")
        self._try_seconds = try_seconds
        self._http = httpx.Client(
            headers={"Authorization": f"token {token}"},
            timeout=httpx.Timeout(60, connect=10),
            # The hub is ours: a school's web proxy has no business between.
            trust_env=False,
        )

    @classmethod
    def from_environment(cls) -> Self:
        """The exchange of the person whose server this runs in. ExchangeError where there is none."""
        url, token = os.environ.get("LABROOM_EXCHANGE_URL"), os.environ.get("JUPYTERHUB_API_TOKEN")
        if not url or not token:
            raise _own("exchange-unreachable", "LABROOM_EXCHANGE_URL, JUPYTERHUB_API_TOKEN")
        return cls(url, token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the connections."""
        self._http.close()

    def courses(self) -> list[Json]:
        """The person's courses: ``course`` and ``role``."""
        return self._json("GET", "/courses")

    def key(self) -> Json:
        """The exchange's public key."""
        return self._json("GET", "/key")

    def assignments(self, course: str) -> list[Json]:
        """Released labs of a course."""
        return self._json("GET", _path("courses", course, "assignments"))

    def release(
        self,
        course: str,
        assignment: str,
        folder: Path,
        due: datetime | str | None = None,
        force: bool = False,
    ) -> Json:
        """Releases a folder as a lab. Without ``due`` a forced release keeps the date; "" takes it away."""
        query: dict[str, str] = {"force": "true" if force else "false"}
        if due is not None:
            query["due"] = due.isoformat() if isinstance(due, datetime) else due
        with _packed(folder, all_files) as (archive, sha256):
            path = _path("courses", course, "assignments", assignment)
            return self._send("PUT", path, archive, {"X-Sha256": sha256}, query).json()

    def withdraw(self, course: str, assignment: str) -> None:
        """Takes a lab back."""
        self._request("DELETE", _path("courses", course, "assignments", assignment))

    def fetch(self, course: str, assignment: str, into: Path, *, replace: bool = False) -> Path:
        """A lab as the folder ``into``: all of it or nothing; ``folder-exists`` if it is there."""
        return self._fetch(_path("courses", course, "assignments", assignment), into, replace=replace)

    def submit(self, course: str, assignment: str, folder: Path, home: Path | None = None) -> Json:
        """Hands a folder in and returns the exchange's row with the receipt.

        A lost connection or a failing server is tried again with the same key for about a minute, so
        that it stays one hand-in; after a crash the next call with the same bytes goes on with that key.
        With ``home`` the receipt is also kept there; its place is ``receipt_file`` in the answer.
        """
        with _packed(folder, files_to_submit) as (archive, sha256):
            pending = None if home is None else _receipts(home, course, assignment) / ".pending.json"
            key = _pending_key(pending, sha256)
            path = _path("courses", course, "assignments", assignment, "submissions")
            row: Json = self._send("POST", path, archive, {"X-Sha256": sha256, "Idempotency-Key": key}).json()
        if row.get("sha256") != sha256:
            raise _own("bad-answer", "sha256")
        if home is not None and pending is not None:
            row["receipt_file"] = str(self._keep_receipt(home, row))
            pending.unlink(missing_ok=True)
        return row

    def submissions(self, course: str, assignment: str) -> list[Json]:
        """The person's hand-ins of a lab; for an author everybody's."""
        path = _path("courses", course, "assignments", assignment, "submissions")
        return self._json("GET", path)

    def fetch_submission(self, course: str, number: str, into: Path, *, replace: bool = False) -> Path:
        """A hand-in as a folder."""
        return self._fetch(_path("courses", course, "submissions", number), into, replace=replace)

    def receipt(self, course: str, number: str) -> Json:
        """The signed receipt of a hand-in."""
        return self._json("GET", _path("courses", course, "submissions", number, "receipt"))

    def put_feedback(self, course: str, number: str, folder: Path) -> Json:
        """Releases a folder (html files and score.json) as feedback of a hand-in."""
        with _packed(folder, all_files) as (archive, sha256):
            path = _path("courses", course, "submissions", number, "feedback")
            return self._send("PUT", path, archive, {"X-Sha256": sha256}).json()

    def fetch_feedback(self, course: str, number: str, into: Path, *, replace: bool = True) -> Path:
        """The feedback of a hand-in as a folder, in place of an earlier one."""
        return self._fetch(_path("courses", course, "submissions", number, "feedback"), into, replace=replace)

    def score(self, course: str, number: str) -> Json:
        """score.json of a hand-in."""
        return self._json("GET", _path("courses", course, "submissions", number, "feedback", "score"))

    def audit(self, course: str) -> list[Json]:
        """Who did what in a course, for its authors; all of it."""
        rows: list[Json] = []
        while True:
            after = rows[-1]["id"] if rows else 0
            more = self._request(
                "GET", _path("courses", course, "audit"), params={"after": str(after)}
            ).json()
            if not more:
                return rows
            rows += more

    def _keep_receipt(self, home: Path, row: Json) -> Path:
        folder = _receipts(home, row["course"], row["assignment"])
        file = folder / f"{row['attempt']}-{row['id']}.json"
        _write(file, row["receipt"])
        key_file = home / "receipts" / "exchange-key.json"
        if not key_file.exists():
            _write(key_file, self.key())
        return file

    def _fetch(self, path: str, into: Path, *, replace: bool) -> Path:
        if into.exists() and not replace:
            raise _own("folder-exists", str(into))
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=into.parent, prefix=".fetch-", suffix=".part") as file:
            target = Path(file.name)
            sha256 = self._retrying(lambda: self._download(path, target))
            with target.open("rb") as arrived:
                digest = hashlib.file_digest(arrived, "sha256").hexdigest()
            if digest != sha256:
                raise _own("checksum-mismatch")
            try:
                unpack(target, into, _FETCH_LIMITS, replace=replace)
            except Refused as refused:
                raise ExchangeError(refused.code, refused.message, 0, refused.detail) from refused
        return into

    def _download(self, path: str, target: Path) -> str:
        with self._http.stream("GET", self.url + path) as answer:
            if answer.is_error:
                answer.read()
                _raise_for(answer)
            with target.open("wb") as file:
                for piece in answer.iter_raw():
                    file.write(piece)
        return str(answer.headers.get("X-Sha256", ""))

    def _send(
        self,
        method: str,
        path: str,
        archive: Path,
        headers: dict[str, str],
        query: dict[str, str] | None = None,
    ) -> httpx.Response:
        size = str(archive.stat().st_size)
        sent = {"Content-Type": "application/gzip", "Content-Length": size, **headers}

        def once() -> httpx.Response:
            with archive.open("rb") as body:
                answer = self._http.request(method, self.url + path, content=body, headers=sent, params=query)
            _raise_for(answer)
            return answer

        return self._retrying(once)

    def _request(self, method: str, path: str, params: dict[str, str] | None = None) -> httpx.Response:
        def once() -> httpx.Response:
            answer = self._http.request(method, self.url + path, params=params)
            _raise_for(answer)
            return answer

        return self._retrying(once)

    def _json(self, method: str, path: str) -> Any:
        try:
            return self._request(method, path).json()
        except ValueError as error:
            raise _own("bad-answer", path) from error

    def _retrying(self, once: Callable[[], Answer]) -> Answer:
        """Calls until it succeeds, is refused, or the time is up."""
        end = time.monotonic() + self._try_seconds
        pause = 0.2
        while True:
            try:
                return once()
            except httpx.TransportError as error:
                failure: ExchangeError = _own("exchange-unreachable", f"{type(error).__name__}: {error}")
            except ExchangeError as error:
                if error.status < 500 or error.status == 507:
                    raise
                failure = error
            if time.monotonic() + pause > end:
                raise failure
            # Spread, or a whole class would come back in the same moment.
            time.sleep(pause * (0.5 + secrets.randbelow(1000) / 1000))
            pause = min(pause * 2, 5.0)


def _path(*parts: str) -> str:
    return "".join("/" + quote(part, safe="") for part in parts)


def _raise_for(answer: httpx.Response) -> None:
    if not answer.is_error and not answer.is_redirect:
        return
    try:
        body = answer.json()
        code, message, detail = str(body["error"]), body["message"], body.get("detail")
        texts = {"zh": str(message["zh"]), "en": str(message["en"])}
    except (ValueError, KeyError, TypeError):
        # Not the exchange's own answer: the hub's proxy speaks while the service starts.
        code = "exchange-unreachable" if answer.status_code >= 500 else "bad-answer"
        texts, detail = Refused(code).message, f"HTTP {answer.status_code}"
    raise ExchangeError(code, texts, answer.status_code, detail)


@contextmanager
def _packed(folder: Path, choose: Callable[[Path], list[Path]]) -> Iterator[tuple[Path, str]]:
    if not folder.is_dir():
        raise _own("no-folder", str(folder))
    with tempfile.NamedTemporaryFile(prefix="labroom-", suffix=".tar.gz") as file:
        try:
            sha256 = pack(folder, choose(folder), file)  # type: ignore[arg-type]
        except Refused as refused:
            raise ExchangeError(refused.code, refused.message, 0, refused.detail) from refused
        file.flush()
        yield Path(file.name), sha256


def _receipts(home: Path, course: str, assignment: str) -> Path:
    return home / "receipts" / course / assignment


def _pending_key(pending: Path | None, sha256: str) -> str:
    """The key of an unfinished hand-in of the same bytes, else a new one, noted before anything is sent."""
    if pending is not None:
        try:
            noted = json.loads(pending.read_text(encoding="utf-8"))
            if noted["sha256"] == sha256:
                return str(noted["key"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
    key = secrets.token_hex(16)
    if pending is not None:
        _write(pending, {"sha256": sha256, "key": key})
    return key


def _write(file: Path, value: Any) -> None:
    """JSON for people to look at, on disk, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    with part.open("w", encoding="utf-8") as out:
        json.dump(value, out, ensure_ascii=False, indent=2)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
