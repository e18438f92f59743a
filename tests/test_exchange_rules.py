# SPDX-License-Identifier: BSD-3-Clause
"""Who may do what at the exchange, and what it takes: a real hub, a real service."""

import gzip
import io
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from exchange_parts import AUTHOR, COURSE, LAB, OTHER, Service, hub, lab_folder, service, targz

from labroom.hub_config.exchange.client import Exchange, ExchangeError

pytestmark = pytest.mark.slow
HAND_IN = f"/courses/{COURSE}/assignments/{LAB}/submissions"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("exchange")
    with service(folder) as started:
        with started.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(folder / "lab"))
        yield started


def call(running: Service, method: str, path: str, who: str | None, **options: object) -> httpx.Response:
    headers = {"Authorization": f"token {hub().token(who)}"} if who else {}
    headers |= options.pop("headers", {})  # type: ignore[arg-type]
    return httpx.request(method, running.url + path, headers=headers, trust_env=False, timeout=60, **options)  # type: ignore[arg-type]


def post(running: Service, who: str, body: bytes, key: str, path: str = HAND_IN) -> httpx.Response:
    return call(running, "POST", path, who, content=body, headers={"Idempotency-Key": key})


def refused(code: str) -> pytest.RaisesExc[ExchangeError]:
    return pytest.RaisesExc(ExchangeError, check=lambda error: error.code == code)


def test_without_a_token_only_health_key_and_description_are_given(running: Service) -> None:
    for path in ("/health", "/key", "/openapi.json"):
        assert call(running, "GET", path, None).status_code == 200
    answer = call(running, "GET", "/courses", None)
    assert answer.status_code == 401
    assert answer.json()["error"] == "not-signed-in"
    assert set(answer.json()["message"]) == {"zh", "en"}
    with Exchange(running.url, "0" * 32) as nobody, refused("not-signed-in"):
        nobody.courses()


def test_a_token_without_access_and_a_services_token_are_refused(running: Service) -> None:
    without_access = hub().new_token("amei", ["read:users:groups!user", "read:users:name!user"])
    with Exchange(running.url, without_access) as exchange, refused("no-access"):
        exchange.courses()
    with Exchange(running.url, hub().secret) as exchange, refused("not-a-person"):
        exchange.courses()


def test_roles_come_from_the_hubs_groups(running: Service) -> None:
    with running.client("amei") as learner, running.client(AUTHOR) as author:
        assert learner.courses() == [{"course": COURSE, "role": "learner"}]
        assert author.courses() == [{"course": COURSE, "role": "instructor"}]
    with running.client(f"grader-{COURSE}") as grader:
        assert grader.courses() == [{"course": COURSE, "role": "instructor"}]


def test_a_learner_cannot_release_withdraw_give_feedback_or_read_the_audit(
    running: Service, tmp_path: Path
) -> None:
    lab = lab_folder(tmp_path / "lab")
    with running.client("amei") as learner:
        row = learner.submit(COURSE, LAB, lab)
        with refused("instructors-only"):
            learner.release(COURSE, LAB, lab, force=True)
        with refused("instructors-only"):
            learner.withdraw(COURSE, LAB)
        with refused("instructors-only"):
            learner.put_feedback(COURSE, row["id"], lab)
        with refused("instructors-only"):
            learner.audit(COURSE)


def test_another_course_does_not_exist_for_a_stranger(running: Service, tmp_path: Path) -> None:
    lab = lab_folder(tmp_path / "lab")
    with running.client("amei") as stranger:
        for attempt in (
            lambda: stranger.assignments(OTHER),
            lambda: stranger.fetch(OTHER, LAB, tmp_path / "x"),
            lambda: stranger.submit(OTHER, LAB, lab),
            lambda: stranger.release(OTHER, LAB, lab),
            lambda: stranger.audit(OTHER),
        ):
            with refused("not-found"):
                attempt()


def test_anothers_submission_is_not_found_and_authors_see_all(running: Service, tmp_path: Path) -> None:
    lab = lab_folder(tmp_path / "lab")
    with running.client("amei") as amei, running.client("bolin") as bolin, running.client("li") as elsewhere:
        row = amei.submit(COURSE, LAB, lab)
        for other in (bolin, elsewhere):
            with refused("not-found"):
                other.fetch_submission(COURSE, row["id"], tmp_path / "x")
            with refused("not-found"):
                other.receipt(COURSE, row["id"])
            with refused("not-found"):
                other.fetch_feedback(COURSE, row["id"], tmp_path / "x")
        # An id of one course is nothing in another.
        with refused("not-found"):
            elsewhere.receipt(OTHER, row["id"])
        assert {r["learner"] for r in amei.submissions(COURSE, LAB)} == {"amei"}
        bolin.submit(COURSE, LAB, lab)
    with running.client(AUTHOR) as author:
        assert {r["learner"] for r in author.submissions(COURSE, LAB)} >= {"amei", "bolin"}
        author.fetch_submission(COURSE, row["id"], tmp_path / "seen")
        with refused("learners-only"):
            author.submit(COURSE, LAB, lab)


def test_the_same_key_is_the_same_submission_and_other_bytes_are_refused(running: Service) -> None:
    body, other = targz(("a.ipynb", b"{}")), targz(("a.ipynb", b"{ }"))
    first = post(running, "t01", body, "same-key-1")
    again = post(running, "t01", body, "same-key-1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    clash = post(running, "t01", other, "same-key-1")
    assert (clash.status_code, clash.json()["error"]) == (409, "key-reused")
    second = post(running, "t01", other, "same-key-2")
    assert second.json()["attempt"] == 2
    # Another person's key is another key.
    assert post(running, "t02", other, "same-key-1").status_code == 201
    assert call(running, "POST", HAND_IN, "t01", content=body).status_code == 422


def test_release_twice_needs_force_and_force_keeps_the_due_date(running: Service, tmp_path: Path) -> None:
    lab = lab_folder(tmp_path / "lab")
    with running.client(AUTHOR) as author:
        author.release(COURSE, "twice", lab, due="2030-01-01T00:00:00+08:00")
        with refused("already-released"):
            author.release(COURSE, "twice", lab)
        row = author.release(COURSE, "twice", lab, force=True)
        assert row["due"] == "2029-12-31T16:00:00.000000+00:00"
        assert author.release(COURSE, "twice", lab, due="", force=True)["due"] is None
        with refused("bad-date"):
            author.release(COURSE, "twice", lab, due="2030-01-01", force=True)
        author.withdraw(COURSE, "twice")
        assert "twice" not in {row["assignment"] for row in author.assignments(COURSE)}
    with running.client("amei") as learner, refused("not-found"):
        learner.submit(COURSE, "twice", lab)


def test_late_is_decided_by_the_servers_clock_and_the_last_in_time_counts(
    running: Service, tmp_path: Path
) -> None:
    lab = lab_folder(tmp_path / "lab")
    with running.client(AUTHOR) as author, running.client("amei") as amei, running.client("bolin") as bolin:
        author.release(COURSE, "timed", lab)
        for _ in range(2):
            assert amei.submit(COURSE, "timed", lab)["late"] is False
        due = datetime.now(UTC)
        author.release(COURSE, "timed", lab, due=due, force=True)
        (lab / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
        assert amei.submit(COURSE, "timed", lab)["late"] is True
        for _ in range(2):
            assert bolin.submit(COURSE, "timed", lab)["receipt"]["receipt"]["late"] is True
        rows = author.submissions(COURSE, "timed")
        assert [(r["learner"], r["attempt"]) for r in rows if r["counts"]] == [("amei", 2), ("bolin", 2)]
        assert len(rows) == 5
        # A longer time makes the last one count; what the receipt says stays.
        author.release(COURSE, "timed", lab, due=due + timedelta(hours=1), force=True)
        rows = author.submissions(COURSE, "timed")
        assert [(r["learner"], r["attempt"]) for r in rows if r["counts"]] == [("amei", 3), ("bolin", 2)]


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def special(kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo("device")
    info.type = kind
    return info


def renamed(new: bytes) -> bytes:
    """An archive whose one name is these raw bytes, checksum made right."""
    raw = bytearray(gzip.decompress(targz(("x" * len(new), b"1"))))
    raw[: len(new)] = new
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw[:512])
    return gzip.compress(bytes(raw))


def claims(size: int) -> bytes:
    info = tarfile.TarInfo("big")
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


def huge_header() -> bytes:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 200 * 1024 * 1024
    return gzip.compress(info.tobuf() + bytes(10 * 1024 * 1024))


def many_headers() -> bytes:
    return gzip.compress(tarfile.TarInfo.create_pax_global_header({"comment": "x"}) * 3000 + bytes(1024))


GOOD = targz(("a.ipynb", b"{}"))
HOSTILE = {
    "empty-body": (b"", "archive-truncated"),
    "not-gzip": (b"PK\x03\x04 a zip file", "not-gzip"),
    "gzip-of-nothing": (gzip.compress(b""), "archive-truncated"),
    "gzip-of-text": (gzip.compress(b"hello " * 500), "archive-damaged"),
    "cut-off": (GOOD[:-30], "archive-truncated"),
    "flipped-byte": (GOOD[:-6] + bytes([GOOD[-6] ^ 255]) + GOOD[-5:], "not-gzip"),
    "no-files": (targz(), "archive-empty"),
    "symlink": (targz(link("passwd", "/etc/passwd", tarfile.SYMTYPE)), "archive-link"),
    "hard-link": (targz(("a", b"1"), link("b", "a", tarfile.LNKTYPE)), "archive-link"),
    "character-device": (targz(special(tarfile.CHRTYPE)), "archive-special"),
    "block-device": (targz(special(tarfile.BLKTYPE)), "archive-special"),
    "fifo": (targz(special(tarfile.FIFOTYPE)), "archive-special"),
    "sparse": (targz(special(tarfile.GNUTYPE_SPARSE)), "archive-special"),
    "dot-dot": (targz(("../evil", b"1")), "archive-name"),
    "dot-dot-inside": (targz(("a/../../evil", b"1")), "archive-name"),
    "absolute": (targz(("/etc/cron.d/evil", b"1")), "archive-name"),
    "backslash": (targz(("..\\evil", b"1")), "archive-name"),
    "drive": (targz(("C:/evil", b"1")), "archive-name"),
    "control": (targz(("a\nb", b"1")), "archive-name"),
    "direction-mark": (targz(("a\u202eb", b"1")), "archive-name"),
    "not-utf8": (renamed(b"a\xff\xfeb"), "archive-name"),
    "too-long": (targz(("a" * 300, b"1")), "archive-name"),
    "too-deep": (targz(("/".join("a" * 40), b"1")), "archive-name"),
    "twice": (targz(("a", b"1"), ("a", b"2")), "archive-collision"),
    "case": (targz(("Lab.ipynb", b"1"), ("lab.ipynb", b"2")), "archive-collision"),
    "unicode-form": (targz(("\u00e9", b"1"), ("e\u0301", b"2")), "archive-collision"),
    "file-as-folder": (targz(("a", b"1"), ("a/b", b"2")), "archive-collision"),
    "folder-as-file": (targz(("a/b", b"1"), ("a", b"2")), "archive-collision"),
    "bomb": (targz(("zeros", bytes(40 * 1024 * 1024))), "archive-bomb"),
    "claims-too-much": (claims(1 << 33), "archive-damaged"),
    "claims-more": (claims(5000), "archive-truncated"),
    "too-many": (targz(*((f"f{n}", b"") for n in range(2001))), "archive-too-many"),
    "huge-header": (huge_header(), "archive-name"),
    "endless-headers": (many_headers(), "archive-name"),
    "after-the-end": (gzip.compress(gzip.decompress(GOOD) + b"hidden"), "archive-damaged"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archives_are_refused_and_leave_nothing(running: Service, body: bytes, code: str) -> None:
    answer = post(running, "t30", body, "hostile-key")
    assert (answer.status_code, answer.json()["error"]) == (422, code)
    assert list((running.folder / "tmp").iterdir()) == []
    with running.client("t30") as exchange:
        assert exchange.submissions(COURSE, LAB) == []


def test_odd_but_honest_names_come_back_as_they_were(running: Service, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    names = ["沸点 测量.ipynb", "with space/é.csv", "'; DROP TABLE submissions; --.txt", "長" * 60 + ".txt"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    with running.client("t03") as exchange:
        row = exchange.submit(COURSE, LAB, folder)
        back = exchange.fetch_submission(COURSE, row["id"], tmp_path / "back")
    assert sorted(row["files"]) == sorted(names)
    assert {p.relative_to(back).as_posix(): p.read_text() for p in back.rglob("*") if p.is_file()} == {
        name: name for name in names
    }


def test_what_is_handed_in_leaves_the_labs_own_parts_behind(running: Service, tmp_path: Path) -> None:
    folder = lab_folder(tmp_path / "lab")
    for name in (
        "lab.py",
        "lab.ttf",
        ".ipynb_checkpoints/x.ipynb",
        "__pycache__/lab.pyc",
        "mine/data/own.csv",
    ):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text("x")
    with running.client("t04") as exchange:
        assert sorted(exchange.submit(COURSE, LAB, folder)["files"]) == [f"{LAB}.ipynb", "mine/data/own.csv"]
        (folder / "passwd").symlink_to("/etc/passwd")
        with refused("archive-link"):
            exchange.submit(COURSE, LAB, folder)


def test_damage_on_the_way_is_noticed(running: Service) -> None:
    headers = {"Idempotency-Key": "damaged-1", "X-Sha256": "0" * 64}
    answer = call(running, "POST", HAND_IN, "t05", content=GOOD, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (422, "checksum-mismatch")


def test_body_cap_and_quota(tmp_path: Path) -> None:
    limits = {
        "LABROOM_EXCHANGE_MAX_BODY": "25K",
        "LABROOM_EXCHANGE_QUOTA": "45K",
        "LABROOM_EXCHANGE_MAX_ATTEMPTS": "4",
    }
    with service(tmp_path, **limits) as running:
        with running.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        declared = post(running, "amei", bytes(30_000), "too-large-1")
        assert (declared.status_code, declared.json()["error"]) == (413, "too-large")

        def endless() -> Iterator[bytes]:
            for _ in range(100_000):
                yield bytes(10_000)

        streamed = call(
            running, "POST", HAND_IN, "amei", content=endless(), headers={"Idempotency-Key": "too-large-2"}
        )
        assert streamed.status_code == 413
        noise = io.BytesIO()
        with tarfile.open(fileobj=noise, mode="w:gz", compresslevel=0) as tar:
            info = tarfile.TarInfo("noise")
            info.size = 9_000
            tar.addfile(info, io.BytesIO(bytes(9_000)))
        body = noise.getvalue()
        assert [post(running, "amei", body, f"quota-key-{n}").status_code for n in range(3)] == [
            201,
            201,
            413,
        ]
        # A retry of what is kept is answered even when the space is used up.
        assert post(running, "amei", body, "quota-key-0").status_code == 200
        # Others have their own space; and there is a bound on attempts.
        assert [post(running, "bolin", GOOD, f"many-key-{n}").status_code for n in range(5)] == [201] * 4 + [
            413
        ]
        assert list((running.folder / "tmp").iterdir()) == []


def test_feedback_reaches_its_learner_and_runs_nothing(running: Service, tmp_path: Path) -> None:
    feedback = tmp_path / "feedback"
    feedback.mkdir()
    (feedback / f"{LAB}.html").write_text("<script>alert(1)</script>")
    with running.client("t06") as learner, running.client(AUTHOR) as author:
        row = learner.submit(COURSE, LAB, lab_folder(tmp_path / "lab"))
        with refused("bad-score"):
            author.put_feedback(COURSE, row["id"], feedback)
        (feedback / "score.json").write_text('{"score": NaN, "max_score": 9}')
        with refused("bad-score"):
            author.put_feedback(COURSE, row["id"], feedback)
        (feedback / "score.json").write_text('{"score": 7.5, "max_score": 9, "needs_manual": false}')
        author.put_feedback(COURSE, row["id"], feedback)
        [listed] = learner.submissions(COURSE, LAB)
        assert (listed["feedback"]["score"], listed["feedback"]["max_score"]) == (7.5, 9)
        assert learner.score(COURSE, row["id"])["needs_manual"] is False
        got = learner.fetch_feedback(COURSE, row["id"], tmp_path / "got")
        assert (got / f"{LAB}.html").is_file()
    base = f"/courses/{COURSE}/submissions/{row['id']}/feedback"
    page = call(running, "GET", f"{base}/{LAB}.html", "t06")
    assert page.headers["content-security-policy"].startswith("sandbox")
    assert "allow-scripts" not in page.headers["content-security-policy"]
    assert call(running, "GET", f"{base}/score.json", "t06").status_code == 404
    assert call(running, "GET", f"{base}/..%2f..%2fsigning.key", "t06").status_code == 404
    assert call(running, "GET", f"{base}/{LAB}.html", "bolin").status_code == 404


def test_the_audit_names_who_did_what_and_cannot_be_changed(running: Service, tmp_path: Path) -> None:
    import sqlite3

    with running.client("t07") as learner, running.client(AUTHOR) as author:
        row = learner.submit(COURSE, LAB, lab_folder(tmp_path / "lab"))
        entry = author.audit(COURSE)[-1]
    assert (entry["who"], entry["what"], entry["submission"]) == ("t07", "submit", row["id"])
    connection = sqlite3.connect(running.folder / "exchange.sqlite")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("DELETE FROM audit")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute("UPDATE audit SET who = 'nobody'")
    connection.close()


def test_a_learners_first_fetch_is_noted_once_with_the_servers_time(running: Service, tmp_path: Path) -> None:
    def listed(exchange: Exchange) -> dict[str, str | None]:
        return next(row for row in exchange.assignments(COURSE) if row["assignment"] == LAB)

    def fetched_at(exchange: Exchange) -> str | None:
        return listed(exchange)["fetched_at"]

    with running.client("t08") as learner, running.client("t09") as other, running.client(AUTHOR) as author:
        assert fetched_at(learner) is None
        before = datetime.now(UTC)
        learner.fetch(COURSE, LAB, tmp_path / "first")
        first = fetched_at(learner)
        assert first is not None
        assert before <= datetime.fromisoformat(first) <= datetime.now(UTC)
        with ThreadPoolExecutor(8) as pool:
            statuses = pool.map(
                lambda _: call(running, "GET", f"/courses/{COURSE}/assignments/{LAB}", "t08").status_code,
                range(16),
            )
            assert set(statuses) == {200}
        author.fetch(COURSE, LAB, tmp_path / "authors")
        assert (fetched_at(learner), fetched_at(other), fetched_at(author)) == (first, None, None)
        noted = [entry for entry in author.audit(COURSE) if entry["what"] == "fetch"]
        lab = listed(learner)
    mine = [entry for entry in noted if entry["who"] == "t08"]
    assert [(e["assignment"], e["at"], e["sha256"]) for e in mine] == [(LAB, first, lab["sha256"])]
    assert AUTHOR not in {entry["who"] for entry in noted}


def test_everything_on_disk_is_private_to_its_owner(running: Service) -> None:
    for path in [running.folder, *running.folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("came", [signal.SIG_IGN, signal.SIG_DFL], ids=["ignored", "default"])
def test_it_stops_within_seconds_even_where_sigint_came_ignored(
    tmp_path: Path, sign: signal.Signals, came: signal.Handlers
) -> None:
    before = signal.signal(signal.SIGINT, came)
    try:
        with service(tmp_path) as running, socket_held_open(running):
            assert running.stop(sign) < 6
        # Being stopped is nothing to report in the hub's log.
        assert "Traceback" not in (tmp_path / "exchange.log").read_text()
    finally:
        signal.signal(signal.SIGINT, before)


def socket_held_open(running: Service) -> "HeldOpen":
    return HeldOpen(running)


class HeldOpen:
    """A hand-in that never ends."""

    def __init__(self, running: Service) -> None:
        self._port = running.port

    def __enter__(self) -> None:
        import socket

        self._socket = socket.create_connection(("127.0.0.1", self._port))
        head = f"POST /services/exchange{HAND_IN} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
        head += f"Authorization: token {hub().token('amei')}\r\nIdempotency-Key: never-ends\r\n\r\nabc"
        self._socket.sendall(head.encode())

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def test_a_folder_it_cannot_use_is_said_in_one_line(tmp_path: Path) -> None:
    import os
    import sys

    (tmp_path / "signing.key").write_text("not a key")
    environment = {**os.environ, "LABROOM_EXCHANGE_FOLDER": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", "labroom.hub_config.exchange"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 2
    assert "restore it from a backup" in ended.stderr
    assert "Traceback" not in ended.stderr
