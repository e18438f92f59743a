# SPDX-License-Identifier: BSD-3-Clause
"""``labroom receipt``: check receipts, with no server."""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

KEY_FILE = "exchange-key.json"
Problem = tuple[str, str]


@click.group()
def command() -> None:
    """Check a hand-in receipt, with no server.

    \b
    labroom receipt verify receipts/matter-energy/boiling-tibet/1-….json
    labroom receipt verify RECEIPT --folder matter-energy/boiling-tibet
    """


@command.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), help="The exchange's public key file."
)
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), help="Compare this lab folder too."
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def verify(files: tuple[Path, ...], key: Path | None, folder: Path | None, as_json: bool) -> None:
    """Say of each receipt FILE whether it is genuine and unaltered; exit code 1 if any is not.

    The key is looked for in exchange-key.json in the receipt's folder and those above it. Whoever can
    change a receipt can also change a key file beside it: to settle a dispute, take the key from the
    operator (GET /services/exchange/key) and give it with --key.
    """
    results = [_check(file, key, folder) for file in files]
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False, indent=2))
    else:
        for result in results:
            _show(result)
    if not all(result["good"] for result in results):
        raise SystemExit(1)


def _check(file: Path, key: Path | None, folder: Path | None) -> dict[str, Any]:
    from labroom.hub_config.exchange import receipts

    result: dict[str, Any] = {"file": str(file), "good": False, "receipt": None, "key_id": None}
    try:
        signed = receipts.read_signed(_text(file), str(file))
        key_file = key or _find_key(file)
        public = receipts.read_public_key(_text(key_file), str(key_file))
    except (receipts.ReceiptError, OSError, UnicodeDecodeError) as error:
        problem = (f"读不懂：{error}", f"cannot be read: {error}")
        return result | {"problems": [dict(zip(("zh", "en"), problem, strict=True))]}
    verdict = receipts.verify(signed, public)
    problems = [*verdict.problems]
    if problems:
        problems += _contradictions(file, signed["receipt"])
    if folder is not None:
        problems += _compare(folder, signed["receipt"].get("files"))
    return result | {
        "good": not problems,
        "receipt": signed["receipt"],
        "key_id": public["key_id"],
        "key_file": str(key_file),
        "problems": [{"zh": zh, "en": en} for zh, en in problems],
    }


def _text(file: Path) -> str:
    if file.stat().st_size > 16 * 1024 * 1024:
        raise OSError(f"{file}: too large for a receipt")
    return file.read_text(encoding="utf-8")


def _find_key(file: Path) -> Path:
    for folder in file.absolute().parents:
        candidate = folder / KEY_FILE
        if candidate.is_file():
            return candidate
    raise FileNotFoundError(
        f"没有 {KEY_FILE}，请用 --key 指定。 No {KEY_FILE} beside or above {file}; give it with --key."
    )


def _contradictions(file: Path, receipt: dict[str, Any]) -> list[Problem]:
    """What of a bad receipt does not fit the rest: a hint at what was altered."""
    found: list[Problem] = []

    def differs(name: str, inside: object, outside: object, zh: str, en: str) -> None:
        if str(inside) != str(outside):
            found.append(
                (
                    f"{name}：里面写的是 {inside}，{zh}是 {outside}",
                    f"{name}: it says {inside}, {en} says {outside}",
                )
            )

    attempt, dash, number = file.stem.partition("-")
    if dash and attempt.isdigit():
        differs("attempt", receipt.get("attempt"), attempt, "文件名", "the file's name")
        differs("id", receipt.get("id"), number, "文件名", "the file's name")
        differs("assignment", receipt.get("assignment"), file.absolute().parent.name, "文件夹", "the folder")
        differs("course", receipt.get("course"), file.absolute().parent.parent.name, "文件夹", "the folder")
    try:
        due = receipt.get("due")
        late = due is not None and datetime.fromisoformat(receipt["timestamp"]) > datetime.fromisoformat(due)
        differs("late", receipt.get("late"), late, "按时间算", "the times")
    except (KeyError, ValueError, TypeError):
        found.append(("timestamp 或 due 不是时间", "timestamp or due is not a time"))
    return found


def _compare(folder: Path, files: object) -> list[Problem]:
    """Files of a folder that are not what was handed in."""
    from labroom.hub_config.exchange.archives import files_to_submit
    from labroom.hub_config.exchange.messages import Refused

    if not folder.is_dir() or not isinstance(files, dict):
        return [(f"没有文件夹 {folder}", f"there is no folder {folder}")]
    try:
        paths = files_to_submit(folder)
    except Refused as refused:
        return [(refused.message["zh"], refused.message["en"])]
    here = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }
    problems: list[Problem] = []
    for name in sorted(here.keys() | files.keys()):
        if name not in here:
            problems.append((f"{name}：交过，现在没有了", f"{name}: was handed in, is not there now"))
        elif name not in files:
            problems.append((f"{name}：没有交过", f"{name}: was not handed in"))
        elif here[name] != files[name]:
            problems.append((f"{name}：交了以后改过", f"{name}: was changed after it was handed in"))
    return problems


def _show(result: dict[str, Any]) -> None:
    if not result["good"]:
        click.echo(f"✗ {result['file']}")
        for problem in result["problems"]:
            click.echo(f"  {problem['zh']}\n  {problem['en']}")
        return
    receipt = result["receipt"]
    late = ("，已过截止时间", ", after the due date") if receipt["late"] else ("", "")
    what = f"{receipt['course']}/{receipt['assignment']}"
    who, attempt, time = receipt["learner"], receipt["attempt"], receipt["timestamp"]
    click.echo(f"✓ {result['file']}")
    click.echo(f"  有效：{who} 交了 {what} 第 {attempt} 次，{time}{late[0]}")
    click.echo(f"  Genuine: {who}, {what}, attempt {attempt}, {time}{late[1]}")
    click.echo(f"  sha256 {receipt['sha256']}，钥匙 key {result['key_id']}")
