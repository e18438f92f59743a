# SPDX-License-Identifier: BSD-3-Clause
"""The course page without a hub: words and times, where sign-in may lead, colours, start and stop."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from hub_story import wait_for

from labroom.hub_config.embedded.launch import free_ports
from labroom.hub_config.portal.settings import SettingsError, read_settings, season_zone
from labroom.hub_config.portal.sign_in import safe_next
from labroom.hub_config.portal.words import WORDS, Speech, choose_language

NOW = datetime(2027, 8, 28, 12, 0, tzinfo=UTC)
BEIJING = timezone(timedelta(hours=8))
DUE = "2027-08-31T15:59:59+00:00"
PREFIX = "/services/portal/"


def test_every_sentence_stands_in_both_languages_with_the_same_places():
    for name, texts in WORDS.items():
        assert set(texts) == {"zh", "en"}, name
        places = [sorted(re.findall(r"{\w+}", texts[code])) for code in ("zh", "en")]
        assert places[0] == places[1], name


def test_templates_say_only_sentences_that_exist():
    templates = Path(str(sys.modules[Speech.__module__].__file__)).parent / "templates"
    said = {
        name
        for page in templates.glob("*.html")
        for name in re.findall(r"\bt\('([a-z-]+)'[,)]", page.read_text())
    }
    assert said
    assert said <= set(WORDS)


@pytest.mark.parametrize(
    ("language", "said"), [("zh", "8月31日 23:59（北京时间）"), ("en", "31 Aug, 23:59 (UTC+8)")]
)
def test_a_due_date_is_told_in_the_zone_of_the_season(language: str, said: str):
    assert Speech(language, BEIJING, NOW).moment(DUE) == said


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.5, "less than an hour left"), (5, "5 hours left"), (30, "1 day left"), (75, "3 days left"), (-1, "")],
)
def test_time_left_is_said_as_a_person_counts(hours: float, said: str):
    due = (NOW + timedelta(hours=hours)).isoformat()
    assert Speech("en", BEIJING, NOW).left(due) == said


@pytest.mark.parametrize("nonsense", [None, "", "tomorrow", "2027-99-01"])
def test_a_date_that_is_none_is_left_out(nonsense: str | None):
    speech = Speech("zh", BEIJING, NOW)
    assert speech.moment(nonsense) == speech.left(nonsense) == ""
    assert not speech.passed(nonsense)


@pytest.mark.parametrize(
    ("cookie", "accepted", "chosen"),
    [
        ("en", "zh-CN", "en"),
        (None, "en-GB,en;q=0.9,zh;q=0.1", "en"),
        (None, "fr,zh-TW;q=0.7,en;q=0.3", "zh"),
        ("klingon", "fr", "zh"),
        (None, ";;;q=,en;q=x", "en"),
        (None, "", "zh"),
    ],
)
def test_language_is_what_was_chosen_else_what_the_browser_asks_else_the_seasons(cookie, accepted, chosen):
    assert choose_language(cookie, accepted, "zh") == chosen


@pytest.mark.parametrize(
    ("bands", "said"), [(["5-6", "7-9"], "5–6、7–9 年级"), (["7-9", "senior"], "7–9 年级、高中"), ([], "")]
)
def test_bands_are_said_as_grades(bands: list[str], said: str):
    assert Speech("zh", BEIJING, NOW).bands(bands) == said


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://example.org/",
        "//example.org/services/portal/",
        "/\\example.org",
        "/services/portal/../../hub/logout",
        "javascript:alert(1)",
        "/hub/logout",
        "/services/portal/\nx",
        "",
    ],
)
def test_after_sign_in_nobody_is_sent_elsewhere(elsewhere: str):
    assert safe_next(elsewhere, PREFIX) == PREFIX


def test_after_sign_in_a_person_gets_the_page_she_wanted():
    assert safe_next("/services/portal/receipts/c/1?x=1", PREFIX) == "/services/portal/receipts/c/1?x=1"


SEASON = """
[season]
title = {zh = "试", en = "Trial"}
[[course]]
id = "science"
title = {zh = "科学", en = "Science"}
authors = ["chen"]
learners = ["*"]
[course.due]
tiny = 2027-08-31T23:59:59+08:00
"""


def test_the_zone_is_the_one_in_which_due_dates_are_written(tmp_path: Path):
    season = tmp_path / "courses.toml"
    season.write_text(SEASON)
    assert season_zone(season) == BEIJING
    season.write_text(SEASON.replace("+08:00", "Z"))
    assert season_zone(season) is None


def test_starting_without_the_hub_says_what_is_missing():
    with pytest.raises(SettingsError, match=r"JUPYTERHUB_SERVICE_URL.*LABROOM_COURSES"):
        read_settings({})
    done = subprocess.run(
        [sys.executable, "-m", "labroom.hub_config.portal"],
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "started by JupyterHub" in done.stderr
    assert "Traceback" not in done.stderr


def test_colours_are_readable_in_light_and_dark():
    css = (Path(str(sys.modules[Speech.__module__].__file__)).parent / "static/portal.css").read_text()
    light, dark = (
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", part)) for part in css.split("@media", 2)[:2]
    )
    pairs = [("ink", "paper"), ("ink", "sheet"), ("ink", "wash"), ("quiet", "paper"), ("quiet", "sheet")]
    pairs += [("link", "paper"), ("link", "sheet"), ("on-accent", "accent"), ("gold", "sheet")]
    pairs += [(tone, f"{tone}-wash") for tone in ("green", "blue", "gold", "red")]
    for colours in (light, dark):
        for front, back in pairs:
            assert contrast(colours[front], colours[back]) >= 4.5, (front, back, colours is dark)


def contrast(front: str, back: str) -> float:
    """Contrast ratio of two colours as WCAG 2 defines it."""
    high, low = sorted((luminance(front), luminance(back)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * c for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@contextmanager
def portal_alone(folder: Path, hub: str) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
    """The course page as a hub starts it, from a parent that ignores SIGINT, with another hub."""
    (folder / "courses.toml").write_text(SEASON)
    (port,) = free_ports(1)
    environment = {
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
        "JUPYTERHUB_API_URL": f"{hub}/hub/api",
        "JUPYTERHUB_API_TOKEN": "x",
        "LABROOM_EXCHANGE_URL": f"{hub}/services/exchange",
        "LABROOM_COURSES": str(folder / "courses.toml"),
    }
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.execv(sys.executable, sys.argv[1:])"
    )
    command = [sys.executable, "-c", ignoring, sys.executable, "-I", "-m", "labroom.hub_config.portal"]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}{PREFIX}", trust_env=False) as visitor:
            wait_for(lambda: answers(visitor, "health"), why="no answer")
            visitor.cookies.set("labroom-portal", "x")
            yield visitor, process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_that_the_hub_is_away_and_stops_at_once(tmp_path: Path, number: int):
    with portal_alone(tmp_path, "http://127.0.0.1:1") as (visitor, process):
        down = visitor.get("")
        assert down.status_code == 503
        assert 'data-problem="hub-down"' in down.text
        began = time.monotonic()
        process.send_signal(number)
        process.wait(10)
        assert time.monotonic() - began < 3


class Nonsense(BaseHTTPRequestHandler):
    """A hub that answers everything with an empty object."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None: ...


@pytest.mark.slow
def test_a_mistake_of_ours_is_a_sentence_and_not_a_bare_500(tmp_path: Path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Nonsense) as hub:
        threading.Thread(target=hub.serve_forever).start()
        try:
            with portal_alone(tmp_path, f"http://127.0.0.1:{hub.server_port}") as (visitor, _):
                page = visitor.get("")
        finally:
            hub.shutdown()
    assert page.status_code == 500
    assert 'data-problem="broken"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def answers(visitor: httpx.Client, path: str) -> bool:
    try:
        return visitor.get(path).json() == {"status": "ok"}
    except httpx.HTTPError:
        return False
