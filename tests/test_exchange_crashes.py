# SPDX-License-Identifier: BSD-3-Clause
"""Nothing that has a receipt is lost: crowds, SIGKILL, backup and restore; on SQLite and on PostgreSQL."""

import hashlib
import io
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from exchange_parts import (
    AUTHOR,
    COURSE,
    LAB,
    LEARNERS,
    PostgreSQL,
    Service,
    lab_folder,
    postgresql,
    run_labroom,
    service,
    targz,
)
from sqlalchemy import create_engine, text

from labroom.hub_config.exchange import client, receipts
from labroom.hub_config.exchange.archives import inspect
from labroom.hub_config.exchange.settings import Limits

pytestmark = pytest.mark.slow
PEOPLE = [name for name in LEARNERS if name.startswith("t")]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Address of an empty database of each kind; '' is SQLite in the exchange's own folder."""
    if request.param == "sqlite":
        return ""
    running: PostgreSQL = request.getfixturevalue("server")
    return running.new_database()


def test_thirty_two_people_hand_in_while_the_service_is_killed_five_times(
    tmp_path: Path, database: str
) -> None:
    answers: list[dict[str, object]] = []
    with service(tmp_path, LABROOM_EXCHANGE_DB=database) as running:
        with running.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        for name in PEOPLE:
            lab_folder(tmp_path / name / LAB, text=f"answer = {name!r}  # {os.urandom(3000).hex()}")
            running.client(name).close()
        stop = threading.Event()

        def hand_in(name: str) -> None:
            with running.client(name, try_seconds=120) as learner:
                times = 0
                # At least twice, and until the last kill, so that the kills fall among hand-ins.
                while times < 2 or not stop.is_set():
                    answers.append(learner.submit(COURSE, LAB, tmp_path / name / LAB, home=tmp_path / name))
                    times += 1

        with ThreadPoolExecutor(len(PEOPLE)) as crowd:
            jobs = [crowd.submit(hand_in, name) for name in PEOPLE]
            for _ in range(5):
                seen = len(answers)
                # Not before the service has begun to answer again.
                end = time.monotonic() + 60
                while len(answers) < seen + 5 and time.monotonic() < end:
                    time.sleep(0.01)
                running.kill()
                running.start()
            stop.set()
            for job in jobs:
                job.result(timeout=180)
        check_that_nothing_is_lost(running, answers, tmp_path)


def check_that_nothing_is_lost(running: Service, answers: list[dict[str, object]], folder: Path) -> None:
    with running.client(AUTHOR) as author:
        key = author.key()
        rows = author.submissions(COURSE, LAB)
        by_id = {row["id"]: row for row in rows}
        blobs = {row["sha256"] for row in rows}
        for row in rows:
            assert receipts.verify(author.receipt(COURSE, row["id"]), key).good
    assert len(answers) >= 2 * len(PEOPLE)
    for answer in answers:
        signed = answer["receipt"]
        assert isinstance(signed, dict)
        assert receipts.verify(signed, key).good
        assert by_id[answer["id"]]["sha256"] == signed["receipt"]["sha256"]
    for sha256 in blobs:
        data = (running.folder / "blobs" / sha256[:2] / sha256).read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        assert inspect(io.BytesIO(data), len(data), Limits()).files
    # One row per key that was used, every key was answered in the end, attempts without gaps.
    assert {answer["id"] for answer in answers} == set(by_id)
    assert len(rows) == len(answers)
    for name in PEOPLE:
        attempts = [row["attempt"] for row in rows if row["learner"] == name]
        assert attempts == list(range(1, len(attempts) + 1))
        assert len(list((folder / name / "receipts" / COURSE / LAB).glob("[0-9]*.json"))) == len(attempts)


def test_one_hand_in_sent_by_many_at_once_is_one_submission(tmp_path: Path, database: str) -> None:
    import httpx
    from exchange_parts import hub

    with service(tmp_path, LABROOM_EXCHANGE_DB=database) as running:
        with running.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        body = targz(("a.ipynb", b"{}"))
        token = hub().token("amei")

        def send(key: str) -> tuple[int, str]:
            answer = httpx.post(
                f"{running.url}/courses/{COURSE}/assignments/{LAB}/submissions",
                content=body,
                headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
                timeout=60,
                trust_env=False,
            )
            return answer.status_code, answer.json()["id"]

        with ThreadPoolExecutor(32) as crowd:
            same = list(crowd.map(send, ["the-same-key"] * 32))
            different = list(crowd.map(send, [f"key-number-{n}" for n in range(32)]))
        assert sorted(status for status, _ in same) == [200] * 31 + [201]
        assert len({number for _, number in same}) == 1
        assert {status for status, _ in different} == {201}
        with running.client("amei") as learner:
            rows = learner.submissions(COURSE, LAB)
        assert [row["attempt"] for row in rows] == list(range(1, 34))


def test_leftovers_of_a_crash_are_cleared_after_an_hour_but_nothing_younger(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        with running.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        running.kill()
        blobs, temporary = running.folder / "blobs", running.folder / "tmp"
        kept = [p for p in blobs.rglob("*") if p.is_file()]
        old = [blobs / "ab" / ("ab" * 32), temporary / "old.part"]
        young = [blobs / "cd" / ("cd" * 32), temporary / "young.part"]
        for path in old + young:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"half")
        for path in old + kept:
            os.utime(path, (time.time() - 7200, time.time() - 7200))
        running.start()
        assert [path.exists() for path in old + young + kept] == [False, False, True, True, True]


def test_a_hand_in_that_was_cut_off_goes_on_with_its_key(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        with running.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        folder, home = lab_folder(tmp_path / "home" / LAB), tmp_path / "home"
        running.kill()
        with (
            running.client("amei", try_seconds=0.5) as learner,
            pytest.raises(client.ExchangeError) as failure,
        ):
            learner.submit(COURSE, LAB, folder, home=home)
        assert failure.value.code == "exchange-unreachable"
        noted = (home / "receipts" / COURSE / LAB / ".pending.json").read_text()
        running.start()
        with running.client("amei") as learner:
            row = learner.submit(COURSE, LAB, folder, home=home)
        assert Path(row["receipt_file"]).is_file()
        assert not (home / "receipts" / COURSE / LAB / ".pending.json").exists()
        engine = create_engine(f"sqlite:///{running.folder / 'exchange.sqlite'}")
        with engine.connect() as connection:
            assert connection.execute(text("SELECT key FROM submissions")).scalar_one() in noted
        engine.dispose()


def test_what_is_backed_up_while_running_is_restored_the_same(tmp_path: Path, database: str) -> None:
    with service(tmp_path, LABROOM_EXCHANGE_DB=database) as running:
        with running.client(AUTHOR) as author, running.client("amei") as learner:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"), due="2030-01-01T00:00:00Z")
            learner.submit(COURSE, LAB, lab_folder(tmp_path / "mine", "answer = 1"), home=tmp_path / "home")
            row = learner.submit(COURSE, LAB, lab_folder(tmp_path / "mine2", "answer = 2"))
            (tmp_path / "mine" / "score.json").write_text('{"score": 1, "max_score": 2}')
            author.put_feedback(COURSE, row["id"], tmp_path / "mine")
            before = (
                author.submissions(COURSE, LAB),
                author.assignments(COURSE),
                author.audit(COURSE),
                author.key(),
            )
        said = run_labroom("exchange", "backup", str(tmp_path / "backup"), "--json", **running.environment)
        assert (said["submissions"], said["blobs"]) == (2, 4)
        assert run_labroom("exchange", "backup", str(tmp_path / "backup"), code=1, **running.environment)
        # It is running and not empty: not to be overwritten.
        assert run_labroom("exchange", "restore", str(tmp_path / "backup"), code=1, **running.environment)
        running.kill()

    shutil.rmtree(running.folder)
    # From PostgreSQL the way back is into SQLite, and the other way round below.
    to = {**running.environment, "LABROOM_EXCHANGE_DB": ""}
    said = run_labroom("exchange", "restore", str(tmp_path / "backup"), "--json", **to)
    assert (said["submissions"], said["blobs"]) == (2, 4)
    with service(tmp_path) as restored, restored.client(AUTHOR) as author:
        after = (
            author.submissions(COURSE, LAB),
            author.assignments(COURSE),
            author.audit(COURSE),
            author.key(),
        )
        assert after == before
        author.fetch_submission(COURSE, row["id"], tmp_path / "got")
        with restored.client("amei") as learner:
            assert learner.submit(COURSE, LAB, tmp_path / "mine")["attempt"] == 3


def test_moving_from_sqlite_to_postgresql_is_backup_and_restore(tmp_path: Path, server: PostgreSQL) -> None:
    with service(tmp_path) as running, running.client(AUTHOR) as author, running.client("amei") as learner:
        author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        learner.submit(COURSE, LAB, tmp_path / "lab")
        before = author.submissions(COURSE, LAB), author.audit(COURSE)
        run_labroom("exchange", "backup", str(tmp_path / "backup"), "--json", **running.environment)
    shutil.rmtree(running.folder)
    address = server.new_database()
    to = {
        **running.environment,
        "LABROOM_EXCHANGE_DB": address,
        "LABROOM_EXCHANGE_BLOBS": f"file://{tmp_path}/s3",
    }
    run_labroom("exchange", "restore", str(tmp_path / "backup"), "--json", **to)
    with (
        service(
            tmp_path, LABROOM_EXCHANGE_DB=address, LABROOM_EXCHANGE_BLOBS=f"file://{tmp_path}/s3"
        ) as moved,
        moved.client(AUTHOR) as author,
        moved.client("amei") as learner,
    ):
        assert (author.submissions(COURSE, LAB), author.audit(COURSE)) == before
        assert learner.submit(COURSE, LAB, tmp_path / "lab")["attempt"] == 2
        assert len(author.audit(COURSE)) == len(before[1]) + 1
        learner.fetch(COURSE, LAB, tmp_path / "fetched")
    assert [p for p in (running.folder / "blobs").rglob("*") if p.is_file()] == []


def test_a_damaged_backup_is_named_and_nothing_is_touched(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        with running.client(AUTHOR) as author:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
        run_labroom("exchange", "backup", str(tmp_path / "backup"), "--json", **running.environment)
    [blob] = [p for p in (tmp_path / "backup" / "blobs").rglob("*") if p.is_file()]
    data = blob.read_bytes()
    blob.unlink()
    blob.write_bytes(data[:-1] + b"?")
    text = run_labroom(
        "exchange", "restore", str(tmp_path / "backup"), "--force", code=1, **running.environment
    )
    assert blob.name in text["output"]
    assert (running.folder / "exchange.sqlite").exists()
    blob.write_bytes(data)
    assert run_labroom(
        "exchange", "restore", str(tmp_path / "backup"), "--force", "--json", **running.environment
    )["ok"]
    assert len(list(tmp_path.glob("exchange.before-restore-*"))) == 1


def test_the_tables_are_what_the_program_thinks_they_are(tmp_path: Path, database: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from labroom.hub_config.exchange.database import Database, upgrade
    from labroom.hub_config.exchange.models import Table
    from labroom.hub_config.exchange.settings import database_url

    opened = Database(database_url(tmp_path, database))
    upgrade(opened)
    upgrade(opened)
    with opened.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Table.metadata) == []
    opened.close()


def test_many_services_starting_at_once_make_one_key_and_one_set_of_tables(tmp_path: Path) -> None:
    import sys

    code = (
        "from labroom.hub_config.exchange.settings import settings_from\n"
        "from labroom.hub_config.exchange.store import open_store\n"
        "print(open_store(settings_from()).signer.public['key_id'])"
    )
    environment = {**os.environ, "LABROOM_EXCHANGE_FOLDER": str(tmp_path / "exchange")}
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1
    assert all(process.returncode == 0 for process in started)
