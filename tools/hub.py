# SPDX-License-Identifier: BSD-3-Clause
"""``labroom hub``: start the hub on this machine, say where to click, stop it cleanly."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from labroom.hub_config.courses import Season
    from labroom.hub_config.embedded.passwords import NewPasswords
    from labroom.hub_config.embedded.settings import HubSettings

_COURSES = Path("courses/courses.toml")
_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command("hub")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder [$LABROOM_DATA or ./.labroom].")
@click.option(
    "--courses", type=click.Path(path_type=Path), default=_COURSES, show_default=True, help="The season."
)
@click.option(
    "--ip", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for a class."
)
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option(
    "--confinement",
    type=click.Choice(["full", "files", "none"]),
    default="files",
    show_default=True,
    help="How far people must be separated; none: for one person only.",
)
@click.option("--people", help="Only these sign-in names, with commas between them.")
@click.option("--new-passwords", is_flag=True, help="Make new class and author passwords.")
@click.option("--class-password", envvar="LABROOM_CLASS_PASSWORD", help="Set the class password.")
@click.option("--author-password", envvar="LABROOM_AUTHOR_PASSWORD", help="Set the authors' password.")
@click.option(
    "--extra-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Your own jupyterhub_config.py, read after ours; can undo what protects people.",
)
@click.option("--verbose", is_flag=True, help="Show the hub's log here as well.")
def command(**options: Any) -> None:
    """Start the hub: sign-in page, labs, hand-in and grading, on this machine.

    \b
    labroom hub                            for this machine; data in ./.labroom
    labroom hub --ip 0.0.0.0               for the classroom's network
    labroom hub --new-passwords            when the class password has got about
    """
    # Heard also in a script's background job, which starts with SIGINT ignored.
    for number in _STOP:
        signal.signal(number, _interrupt)
    from labroom.hub_config.courses import CoursesError
    from labroom.hub_config.embedded.launch import HubRefused
    from labroom.hub_config.embedded.lock import AlreadyRunning

    try:
        _run(**options)
    except (CoursesError, HubRefused, AlreadyRunning) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        return


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run(
    *,
    data: Path | None,
    courses: Path,
    ip: str,
    port: int,
    confinement: str,
    people: str | None,
    new_passwords: bool,
    class_password: str | None,
    author_password: str | None,
    verbose: bool,
    extra_config: Path | None,
) -> None:
    from labroom.autograder.confine import describe_level
    from labroom.hub_config.courses import read_season
    from labroom.hub_config.data_folder import find_data_folder
    from labroom.hub_config.embedded import launch
    from labroom.hub_config.embedded.course_folders import prepare_course_folders
    from labroom.hub_config.embedded.lock import take_lock
    from labroom.hub_config.embedded.passwords import prepare_passwords
    from labroom.hub_config.embedded.settings import HubSettings

    season = read_season(courses.absolute())
    folder = find_data_folder(data).ensure()
    take_lock(folder)
    launch.check_port(ip, port)
    for synced in prepare_course_folders(season, folder):
        for name in synced.conflicts:
            _say(
                f"{synced.course}/{name}: 在教室里和仓库里都改过，保留教室里的。",
                f"{synced.course}/{name}: changed both on the hub and in the repository; kept the hub's.",
            )
    names = tuple(name.strip() for name in (people or "").split(",") if name.strip())
    confined = launch.check_confinement(folder, season, confinement, names, ip)
    click.echo(describe_level() if confined else describe_level(0))
    passwords = prepare_passwords(folder, learner=class_password, author=author_password, renew=new_passwords)
    hub_port, proxy_port, exchange_port, portal_port = launch.free_ports(4)
    settings = HubSettings(
        data=str(folder.root),
        courses=str(courses.absolute()),
        ip=ip,
        port=port,
        hub_port=hub_port,
        proxy_port=proxy_port,
        exchange_port=exchange_port,
        portal_port=portal_port,
        confined=confined,
        people=names,
        verbose=verbose,
        extra_config=str(extra_config.absolute()) if extra_config else None,
    )
    with _following(folder.hub / "log", wanted=verbose), ExitStack() as untold:
        # They are kept as hashes only: a start that fails must not take them along.
        untold.callback(_tell_passwords, season, passwords)
        hub = launch.start_hub(settings, on_wait=_progress())
        try:
            release_labs(season, settings)
            untold.pop_all()
            _tell(settings, season, passwords)
            hub.warden.wait()
        finally:
            for number in _STOP:
                signal.signal(number, signal.SIG_IGN)
            ended_by_itself = hub.warden.poll() is not None
            _say("正在停止……", "Stopping …")
            seconds = hub.stop()
            _say(f"已停止({seconds:.1f} 秒)。", f"Stopped ({seconds:.1f} s).")
    if ended_by_itself:
        log = folder.hub / "log"
        raise launch.HubRefused(
            f"教室自己停了，日志 {log} 的结尾： The hub ended by itself; the end of its log {log}:\n"
            f"{launch.tail(log)}"
        )


def release_labs(season: "Season", settings: "HubSettings") -> None:
    """Give the running hub the labs that it does not have yet or that have changed.

    A lab that cannot be released is named and does not keep the hub from running.
    """
    from labroom.hub_config.embedded.config import has_module

    sources = [settings.folder.course(course.id) / "source" for course in season.courses]
    if not has_module("labroom.hub_config.exchange") or not any(any(s.glob("*/lab.toml")) for s in sources):
        return
    from labroom.hub_config.embedded.operator import HubNotRunning, grader_exchange
    from labroom.hub_config.exchange.client import ExchangeError

    from .release import release_all

    try:
        release_all(season, settings.folder, lambda course: grader_exchange(settings.folder, course))
    except (ExchangeError, HubNotRunning) as error:
        _say(f"实验还没有发布：{error}", "The labs are not released yet; try `labroom release --publish`.")


def _say(zh: str, en: str) -> None:
    click.echo(f"{zh} {en}")


def _progress() -> Callable[[float], None]:
    shown = -1

    def show(waited: float) -> None:
        nonlocal shown
        if int(waited) > shown:
            shown = int(waited)
            end = "\r" if sys.stderr.isatty() else "\n"
            if sys.stderr.isatty() or shown % 5 == 0:
                click.echo(f"正在启动 Starting … {shown} s{end}", err=True, nl=False)

    return show


@contextmanager
def _following(log: Path, *, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    follower = subprocess.Popen(["tail", "-n", "0", "-F", str(log)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        follower.terminate()
        follower.wait()


def _tell(settings: "HubSettings", season: "Season", passwords: "NewPasswords") -> None:
    _say("打开", f"Open   {settings.url}/")
    _tell_passwords(season, passwords)
    _say("停止：按", "Stop: press Ctrl-C")


def _tell_passwords(season: "Season", passwords: "NewPasswords") -> None:
    authors = ", ".join(sorted(season.authors)) or "-"
    keep = "(不变 unchanged; --new-passwords 可更换 makes new ones)"
    click.echo(
        f"登录 Sign in   教师：任意名字，口令 teacher: any name, password {passwords.learner or keep};   "
        f"作者 author ({authors}): {passwords.author or keep}"
    )


if __name__ == "__main__":
    command()
