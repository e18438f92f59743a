# SPDX-License-Identifier: BSD-3-Clause
"""``labroom exchange``: back up what has been handed in, and restore it."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from labroom.hub_config.exchange.backup import Account
    from labroom.hub_config.exchange.settings import Settings


@click.group()
def command() -> None:
    """Back up or restore what has been handed in.

    \b
    labroom exchange backup /media/usb/2027-08-01
    labroom exchange restore /media/usb/2027-08-01 --data .labroom
    """


DATA = click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The hub's data folder.")
JSON = click.option("--json", "as_json", is_flag=True, help="For machines.")


@command.command()
@click.argument("destination", type=click.Path(path_type=Path))
@DATA
@JSON
def backup(destination: Path, data: Path | None, as_json: bool) -> None:
    """Copy everything handed in to a new folder DESTINATION and check the copy. The hub may run meanwhile."""
    from labroom.hub_config.exchange.backup import back_up

    settings = _settings(data)
    interactive = not as_json and sys.stderr.isatty()

    def show(done: int, total: int) -> None:
        if interactive and (done == total or done % 50 == 0):
            click.echo(f"\r{done}/{total}", err=True, nl=done == total)

    _report(lambda: back_up(settings, destination, show), as_json, "已备份", "Backed up")


@command.command()
@click.argument("source", metavar="BACKUP", type=click.Path(path_type=Path, exists=True, file_okay=False))
@DATA
@click.option("--force", is_flag=True, help="Replace what is there; the old folder is kept beside it.")
@JSON
def restore(source: Path, data: Path | None, force: bool, as_json: bool) -> None:
    """Check a BACKUP byte by byte and put it in place. Stop the hub first."""
    from labroom.hub_config.exchange.backup import restore as put_back

    settings = _settings(data)
    _report(lambda: put_back(source, settings, force=force), as_json, "已恢复", "Restored")


def _settings(data: Path | None) -> "Settings":
    import os

    from labroom.hub_config.data_folder import find_data_folder
    from labroom.hub_config.exchange.settings import SettingsError, settings_from

    environment = dict(os.environ)
    if data is not None or not environment.get("LABROOM_EXCHANGE_FOLDER"):
        environment["LABROOM_EXCHANGE_FOLDER"] = str(find_data_folder(data).exchange)
    try:
        return settings_from(environment)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _report(work: "Callable[[], Account]", as_json: bool, chinese: str, english: str) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from labroom.hub_config.exchange.backup import BackupError
    from labroom.hub_config.exchange.receipts import ReceiptError

    try:
        account = work()
    except (BackupError, ReceiptError, OSError, SQLAlchemyError) as error:
        if as_json:
            click.echo(json.dumps({"ok": False, "error": str(error)}, ensure_ascii=False))
            raise SystemExit(1) from error
        raise click.ClickException(str(error)) from error
    if as_json:
        values = {**dataclasses.asdict(account), "folder": str(account.folder), "ok": True}
        click.echo(json.dumps(values, ensure_ascii=False))
        return
    size = f"{account.bytes / 1024**2:.1f} MiB"
    click.echo(f"{chinese}：{account.submissions} 份提交，{account.blobs} 个文件块，{size}，{account.folder}")
    click.echo(
        f"{english}: {account.submissions} submissions, {account.blobs} blobs, {size}, {account.folder}"
    )
