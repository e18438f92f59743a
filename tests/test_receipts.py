# SPDX-License-Identifier: BSD-3-Clause
"""Receipts are checked with no server: genuine, forged, altered, signed by another key."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from labroom.hub_config.exchange import receipts
from labroom.hub_config.exchange.archives import all_files, files_to_submit, inspect, pack, unpack
from labroom.hub_config.exchange.messages import REFUSALS, Refused
from labroom.hub_config.exchange.settings import Limits, SettingsError, settings_from, size_in_bytes
from labroom.tools.cli import main

NUMBER = "0f" * 16


@pytest.fixture
def home(tmp_path: Path) -> Path:
    signer = receipts.load_or_make_key(tmp_path / "server" / "signing.key")
    lab = tmp_path / "home" / "matter-energy" / "boiling-tibet"
    lab.mkdir(parents=True)
    (lab / "boiling-tibet.ipynb").write_text("{}")
    (lab / "notes.md").write_text("沸点")
    with (tmp_path / "sent.tar.gz").open("wb") as out:
        sha256 = pack(lab, files_to_submit(lab), out)
    archive = tmp_path / "sent.tar.gz"
    with archive.open("rb") as sent:
        contents = inspect(sent, archive.stat().st_size, Limits())
    signed = signer.sign(
        {
            "version": 1, "id": NUMBER, "course": "matter-energy", "assignment": "boiling-tibet",
            "learner": "amei",
            "attempt": 1, "timestamp": "2027-08-01T00:00:00.000000+00:00",
            "due": "2027-08-31T15:59:59.000000+00:00",
            "late": False, "sha256": sha256, "size": archive.stat().st_size, "files": dict(contents.files),
        }
    )  # fmt: skip
    write(receipt_of(tmp_path / "home"), signed)
    write(tmp_path / "home" / "receipts" / "exchange-key.json", signer.public)
    return tmp_path / "home"


def receipt_of(home: Path) -> Path:
    return home / "receipts" / "matter-energy" / "boiling-tibet" / f"1-{NUMBER}.json"


def write(file: Path, value: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")


def verify(*words: object, code: int) -> str:
    result = CliRunner().invoke(main, ["receipt", "verify", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.output


def change(home: Path, **fields: Any) -> str:
    signed = json.loads(receipt_of(home).read_text())
    signed["receipt"] |= fields
    write(receipt_of(home), signed)
    return verify(receipt_of(home), code=1)


def test_a_genuine_receipt_is_found_good_with_the_key_beside_it(home: Path) -> None:
    said = verify(receipt_of(home), "--folder", home / "matter-energy" / "boiling-tibet", code=0)
    assert "有效：amei 交了 matter-energy/boiling-tibet 第 1 次" in said
    assert "Genuine: amei" in said
    answer = json.loads(verify(receipt_of(home), "--json", code=0))
    assert answer[0]["good"]


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"learner": "bolin"}, "the receipt was altered"),
        ({"timestamp": "2027-07-01T00:00:00.000000+00:00"}, "the receipt was altered"),
        ({"late": True}, "late: it says True"),
        ({"due": "2026-01-01T00:00:00+00:00"}, "late: it says False, the times says True"),
        ({"attempt": 2}, "attempt: it says 2"),
        ({"id": "ab" * 16}, "id: it says"),
        ({"course": "forces-waves"}, "course: it says forces-waves"),
        ({"extra": 1}, "the receipt was altered"),
        ({"files": {}}, "the receipt was altered"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_altered_receipt_is_found_out_and_what_does_not_fit_is_named(
    home: Path, fields: dict[str, Any], hint: str
) -> None:
    assert hint in change(home, **fields)


def test_a_receipt_signed_by_another_key_or_not_at_all_is_refused(home: Path, tmp_path: Path) -> None:
    forger = receipts.load_or_make_key(tmp_path / "forger" / "signing.key")
    signed = json.loads(receipt_of(home).read_text())
    write(receipt_of(home), forger.sign(signed["receipt"]))
    assert "signed by another key" in verify(receipt_of(home), code=1)
    # Naming the right key does not make the signature right.
    write(receipt_of(home), {**forger.sign(signed["receipt"]), "key_id": signed["key_id"]})
    assert "the signature does not fit" in verify(receipt_of(home), code=1)
    write(receipt_of(home), {**signed, "signature": "not base64!"})
    verify(receipt_of(home), code=1)
    # A forger who also replaces the key beside the receipt is found out by the operator's key.
    write(tmp_path / "operator.json", json.loads((home / "receipts" / "exchange-key.json").read_text()))
    write(receipt_of(home), forger.sign(signed["receipt"]))
    write(home / "receipts" / "exchange-key.json", forger.public)
    verify(receipt_of(home), code=0)
    verify(receipt_of(home), "--key", tmp_path / "operator.json", code=1)


def test_a_folder_that_was_changed_after_the_hand_in_is_told_file_by_file(home: Path) -> None:
    lab = home / "matter-energy" / "boiling-tibet"
    (lab / "boiling-tibet.ipynb").write_text("{} ")
    (lab / "notes.md").unlink()
    (lab / "new.csv").write_text("1")
    said = verify(receipt_of(home), "--folder", lab, code=1)
    for line in (
        "boiling-tibet.ipynb: was changed",
        "notes.md: was handed in, is not there",
        "new.csv: was not",
    ):
        assert line in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"receipt": 1}',
        "[" * 100_000,
        "\x00",
        '{"receipt": {}, "key_id": "", "signature": ""}',
    ],
)
def test_what_is_no_receipt_is_said_to_be_none(home: Path, text: str) -> None:
    receipt_of(home).write_text(text)
    said = verify(receipt_of(home), code=1)
    assert "Traceback" not in said
    assert "✗" in said


def test_one_bad_receipt_among_good_ones_is_told_apart(home: Path) -> None:
    bad = receipt_of(home).with_name("2-bad.json")
    bad.write_text("{}")
    answer = json.loads(verify(receipt_of(home), bad, home / "missing.json", "--json", code=1))
    assert [entry["good"] for entry in answer] == [True, False, False]


def test_the_key_is_made_once_for_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    first = receipts.load_or_make_key(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert receipts.load_or_make_key(file).public == first.public
    file.write_text("damaged")
    with pytest.raises(receipts.ReceiptError, match="backup"):
        receipts.load_or_make_key(file)
    assert file.read_text() == "damaged"


def test_the_signed_bytes_do_not_depend_on_order_or_spaces() -> None:
    assert receipts.canonical({"b": "沸", "a": 1}) == '{"a":1,"b":"沸"}'.encode()


def test_the_same_folder_always_gives_the_same_archive_and_comes_back(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "sub").mkdir(parents=True)
        for path in ("b.txt", "a.txt", "sub/沸点.csv"):
            (tmp_path / name / path).write_text(path)
    archives = []
    for name in ("one", "two"):
        target = tmp_path / f"{name}.tar.gz"
        with target.open("wb") as out:
            pack(tmp_path / name, all_files(tmp_path / name), out)
        archives.append(target.read_bytes())
    assert archives[0] == archives[1]
    unpack(tmp_path / "one.tar.gz", tmp_path / "back", Limits())
    assert (tmp_path / "back" / "sub" / "沸点.csv").read_text() == "sub/沸点.csv"
    with pytest.raises(Refused, match="已经存在"):
        unpack(tmp_path / "one.tar.gz", tmp_path / "back", Limits())
    unpack(tmp_path / "one.tar.gz", tmp_path / "back", Limits(), replace=True)
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_a_bad_archive_leaves_no_half_folder(tmp_path: Path) -> None:
    from exchange_parts import targz

    (tmp_path / "bad.tar.gz").write_bytes(targz(("a", b"1"), ("../b", b"2")))
    with pytest.raises(Refused):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "into", Limits())
    assert [p.name for p in tmp_path.iterdir()] == ["bad.tar.gz"]


@given(st.binary(max_size=3000))
def test_no_bytes_make_the_reader_fail_otherwise_than_by_a_refusal(data: bytes) -> None:
    import gzip
    import io

    for body in (data, gzip.compress(data), gzip.compress(data.ljust(1536, b"\0"))):
        try:
            inspect(io.BytesIO(body), len(body), Limits())
        except Refused as refused:
            assert refused.status == 422  # noqa: PT017 - not refusing is right too


def test_every_refusal_speaks_both_languages() -> None:
    for code, (status, chinese, english) in REFUSALS.items():
        assert status == 0 or 400 <= status < 600, code
        assert any("\u4e00" <= c <= "\u9fff" for c in chinese), code
        assert english.isascii(), code


def test_settings_say_what_is_wrong(tmp_path: Path) -> None:
    assert [size_in_bytes(text, "X") for text in ("10", "2K", "3 MB", "1GiB")] == [10, 2048, 3 << 20, 1 << 30]
    with pytest.raises(SettingsError, match="LABROOM_EXCHANGE_QUOTA"):
        settings_from({"LABROOM_EXCHANGE_FOLDER": str(tmp_path), "LABROOM_EXCHANGE_QUOTA": "lots"})
    with pytest.raises(SettingsError, match="LABROOM_EXCHANGE_FOLDER"):
        settings_from({})
    postgresql = {"LABROOM_EXCHANGE_FOLDER": str(tmp_path), "LABROOM_EXCHANGE_DB": "postgresql://u@h/d"}
    assert settings_from(postgresql).database == "postgresql+psycopg://u@h/d"
