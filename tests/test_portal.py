# SPDX-License-Identifier: BSD-3-Clause
"""The course page on a real hub: a day in Chromium, the author's table, and what nobody else sees."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest
import tiny_lab
from browser_story import PATIENCE, chromium, visitor
from hub_story import AUTHOR_PASSWORD, CLASS_PASSWORD, Hub, running_hub
from playwright.sync_api import Browser, expect

from labroom.hub_config.embedded.operator import find_operator, grader_exchange
from labroom.hub_config.exchange.client import Exchange

PREFIX = "/services/portal/"
pytestmark = pytest.mark.xdist_group("course-page")

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


@dataclass(frozen=True)
class Class:
    """A hub with one course: ``tiny`` is open, ``past`` was due long ago."""

    hub: Hub
    exchange: Exchange

    def give_feedback(self, name: str, lab: str, folder: Path, **score: object) -> None:
        """Release feedback for the attempt of a person that counts, as an author's grader does."""
        rows = self.exchange.submissions("science", lab)
        (row,) = [row for row in rows if row["learner"] == name and row["counts"]]
        items = [
            {
                "item": "q1",
                "title": {"zh": "求和", "en": "The sum"},
                "score": 1,
                "max_score": 1,
                "state": "right",
            },
            {
                "item": "q2",
                "title": {"zh": "加倍", "en": "Doubling"},
                "score": 0,
                "max_score": 2,
                "state": "wrong",
                "message": {"zh": "看看<b>一半</b>", "en": "Look at <b>halves</b>"},
            },
        ]
        whole = {
            "score": 1.0,
            "max_score": 3.0,
            "needs_manual": False,
            "outcome": "graded",
            "items": items,
            "note": None,
        }
        folder.mkdir()
        (folder / "score.json").write_text(json.dumps({**whole, **score}))
        (folder / f"{lab}.html").write_text(
            "<p id=said>notebook</p><script>said.textContent = 'ran'</script>"
        )
        self.exchange.put_feedback("science", row["id"], folder)

    def hand_in(self, name: str, lab: str, answers: dict[str, str], folder: Path) -> dict:
        """Hand in without a browser, with a person's own token."""
        work = tiny_lab.write_release(folder / name / lab)
        notebook = tiny_lab.answered(tiny_lab.released(), answers)
        (work / f"{lab}.ipynb").write_text(json.dumps(notebook))
        with self.hub.signed_in(name):
            operator = find_operator(self.hub.data)
        with Exchange(operator.exchange, operator.token_for(name)) as own:
            return own.submit("science", lab, work)


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    folder = tmp_path_factory.mktemp("season")
    courses = folder / "courses" / "courses.toml"
    courses.parent.mkdir()
    courses.write_text(
        SEASON.replace(
            "[[course]]",
            '[[course]]\nid = "empty"\ntitle = {zh = "空", en = "Empty"}\n'
            'authors = []\nlearners = ["*"]\n[[course]]',
        )
    )
    with running_hub(folder, courses=courses) as hub, grader_exchange(hub.data, "science") as exchange:
        for lab, due in (("tiny", "2099-08-31T23:59:59+08:00"), ("past", "2020-08-31T23:59:59+08:00")):
            release = tiny_lab.write_release(folder / "release" / lab)
            exchange.release("science", lab, release, due=due)
        yield Class(hub, exchange)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_teachers_day_from_sign_in_to_feedback(
    season: Class, browser: Browser, tmp_path: Path, language: str
):
    name = f"li.{language}"
    with visitor(browser, season.hub.url, language) as teacher:
        teacher.sign_in(name, CLASS_PASSWORD)
        assert teacher.card_state("tiny") == "new"
        teacher.picture("1-course-page")

        lab = teacher.open_lab("tiny")
        assert lab.path == "science/tiny/tiny.ipynb"
        expect(lab.page.locator(".jp-Notebook")).to_contain_text(
            "小小实验" if language == "zh" else "A tiny lab"
        )
        expect(lab.page.locator(".jp-Notebook")).not_to_contain_text(
            "A tiny lab" if language == "zh" else "小小实验"
        )
        expect(lab.check_button).to_have_text("✓检查" if language == "zh" else "✓Check my work")
        assert lab.check() == {"test-q1": "not-answered", "test-q2": "not-answered", "free": "not-answered"}

        lab.write(lab.cell("在这里写代码"), "total = 2")
        lab.write(lab.cell("在这里写代码"), "def double(x):\n    return x")
        assert lab.check() == {"test-q1": "right", "test-q2": "wrong", "free": "not-answered"}
        said = "加倍后应当是原来的两倍" if language == "zh" else "Doubling gives twice as much"
        expect(lab.panel).to_contain_text(said)
        teacher.picture("2-check")

        first = lab.hand_in()
        teacher.picture("3-receipt")
        kept = season.hub.data.homes / name / "receipts/science/tiny" / f"1-{first}.json"
        assert json.loads(kept.read_text())["receipt"]["learner"] == name

        lab.write(lab.cell("def double"), "def double(x):\n    return 2 * x")
        second = lab.hand_in()
        assert second != first
        expect(lab.status).to_contain_text("已交 2 次" if language == "zh" else "Handed in twice")

        teacher.course_page()
        assert teacher.card_state("tiny") == "handed-in"
        teacher.card("tiny").locator("summary").click()
        attempts = teacher.card("tiny").locator("[data-attempt]")
        expect(attempts).to_have_count(2)
        expect(attempts.first).to_contain_text("计分" if language == "zh" else "counts")
        teacher.picture("4-handed-in")
        teacher.card("tiny").locator(f'a[href$="{second}"]').first.click()
        with teacher.page.expect_download() as download:
            teacher.page.locator("a.button.main").click()
        assert json.loads(Path(download.value.path()).read_text())["receipt"]["id"] == second
        teacher.picture("5-receipt-page")

        season.give_feedback(name, "tiny", tmp_path / "feedback")
        teacher.course_page()
        assert teacher.card_state("tiny") == "scored"
        expect(teacher.card("tiny")).to_contain_text("1 / 3 分" if language == "zh" else "1 of 3")
        teacher.picture("6-scored")
        feedback = teacher.feedback("tiny")
        assert feedback.items() == {"q1": "right", "q2": "wrong"}
        expect(feedback.page.locator("tr.wrong")).to_contain_text(
            "看看<b>一半</b>" if language == "zh" else "<b>halves</b>"
        )
        expect(feedback.page.frame_locator("iframe").locator("#said")).to_have_text("notebook")
        teacher.picture("7-feedback")


@pytest.mark.slow
@pytest.mark.browser
def test_the_other_language_takes_the_text_and_leaves_the_answers(season: Class, browser: Browser):
    with visitor(browser, season.hub.url, "zh") as teacher:
        teacher.sign_in("zhao", CLASS_PASSWORD)
        lab = teacher.open_lab("tiny")
        lab.write(lab.cell("在这里写代码"), "total = 2  # 我的答案")
        lab.page.get_by_role("button", name="检查", exact=True).focus()
        lab.page.keyboard.press("Enter")
        expect(lab.panel).to_be_focused(timeout=PATIENCE)
        expect(lab.panel).to_contain_text("2 题中 1 题通过")
        assert teacher.course_page().card_state("tiny") == "open"
        teacher.switch_language()
        expect(teacher.page.locator("h1")).to_have_text("Hello, zhao")
        lab = teacher.open_lab("tiny")
        expect(lab.page.locator(".jp-Notebook")).to_contain_text("A tiny lab")
        expect(lab.page.locator(".jp-Notebook")).to_contain_text("total = 2 # 我的答案".replace(" #", "  #"))
        expect(lab.check_button).to_have_text("✓Check my work")
        expect(lab.page.locator("#jp-MainMenu")).to_contain_text("Kernel")


@pytest.mark.slow
@pytest.mark.browser
def test_handing_in_late_is_said_before_and_after(season: Class, browser: Browser):
    with visitor(browser, season.hub.url, "en") as teacher:
        teacher.sign_in("late", CLASS_PASSWORD)
        expect(teacher.card("past")).to_contain_text("handing in now is late")
        lab = teacher.open_lab("past")
        lab.hand_in_button.click()
        expect(teacher.page.locator(".jp-Dialog")).to_contain_text("will be marked late")
        teacher.page.locator(".jp-Dialog .jp-mod-reject").click()
        lab.hand_in()
        expect(lab.panel).to_contain_text("(late)")
        expect(teacher.course_page().card("past").locator(".chip.late")).to_have_text("Late")


@pytest.mark.slow
@pytest.mark.browser
def test_a_hand_in_while_the_exchange_hangs_arrives_once(season: Class, browser: Browser):
    with visitor(browser, season.hub.url, "en") as teacher:
        teacher.sign_in("patient", CLASS_PASSWORD)
        lab = teacher.open_lab("tiny")
        lab.hand_in_button.click()
        dialog = teacher.page.locator(".jp-Dialog .jp-mod-accept")
        expect(dialog).to_be_visible()
        exchange = psutil.Process(season.hub.find("labroom.hub_config.exchange"))
        exchange.suspend()
        try:
            dialog.click()
            expect(lab.panel).to_contain_text("Handing in")
        finally:
            exchange.resume()
        expect(lab.panel.locator("[data-receipt]")).to_be_visible(timeout=60_000)
    rows = [r for r in season.exchange.submissions("science", "tiny") if r["learner"] == "patient"]
    assert [row["attempt"] for row in rows] == [1]


@pytest.mark.slow
@pytest.mark.browser
def test_an_author_sees_who_handed_in_and_where_to_grade(season: Class, browser: Browser, tmp_path: Path):
    season.hand_in("wang", "past", {}, tmp_path)
    season.hand_in("wang", "past", tiny_lab.SOLUTIONS, tmp_path / "again")
    season.hand_in("zhou", "past", {}, tmp_path)
    season.give_feedback("wang", "past", tmp_path / "feedback", needs_manual=True)
    with visitor(browser, season.hub.url, "zh") as author:
        author.sign_in("chen", AUTHOR_PASSWORD)
        row = author.card("past")
        counted = [r for r in season.exchange.submissions("science", "past") if r["counts"]]
        expect(row.locator(".tally")).to_have_text(f"{len(counted)} 人已交，1 人已批改")
        row.locator("summary").click()
        expect(row.locator('tr[data-person="wang"]')).to_have_count(2)
        expect(row.locator('tr[data-person="wang"]').first).to_contain_text("1 / 3 分")
        link = row.locator("[data-grade]").get_attribute("href")
        assert link == "/hub/spawn/grader-science?next=%2Fuser%2Fgrader-science%2Fformgrader"
        author.picture("8-author")


@pytest.mark.slow
def test_nobody_sees_another_persons_receipt_or_feedback(season: Class, tmp_path: Path):
    number = season.hand_in("owner", "tiny", {}, tmp_path)["id"]
    season.give_feedback("owner", "tiny", tmp_path / "feedback")
    with season.hub.signed_in("owner") as owner, season.hub.signed_in("stranger") as stranger:
        for path in (
            f"receipts/science/{number}",
            f"feedback/science/{number}",
            f"feedback/science/{number}/page",
        ):
            answers = {who.name: who.client.get(f"/services/portal/{path}") for who in (owner, stranger)}
            assert (answers["owner"].status_code, answers["stranger"].status_code) == (200, 404), path
            assert 'data-problem="not-found"' in answers["stranger"].text


@pytest.mark.slow
def test_pages_are_shut_tight(season: Class):
    with season.hub.signed_in("careful") as person:
        page = person.client.get("/services/portal/")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "script" not in page.text
        assert not re.findall(r"(?:src|href)=.https?://", page.text)
        cookies = [c for c in person.client.cookies.jar if c.name == "labroom-portal"]
        assert [(c.path, c.has_nonstandard_attr("HttpOnly")) for c in cookies] == [(PREFIX, True)]
        out = person.client.get("/services/portal/sign-out", follow_redirects=False)
        assert out.headers["location"] == "/hub/logout"
        assert "labroom-portal" not in {c.name for c in person.client.cookies.jar}
    with httpx.Client(base_url=season.hub.url, trust_env=False) as stranger:
        assert "/hub/api/oauth2/authorize" in stranger.get("/services/portal/").headers["location"]
        forged = stranger.get("/services/portal/oauth_callback", params={"code": "x", "state": "y"})
        assert (forged.status_code, 'data-problem="refused"' in forged.text) == (403, True)
        assert stranger.get("/services/portal/health").json() == {"status": "ok"}


@pytest.mark.slow
def test_when_the_exchange_is_away_the_page_says_so(season: Class):
    with season.hub.signed_in("visitor") as person:
        assert person.client.get("/services/portal/").status_code == 200
        exchange = psutil.Process(season.hub.find("labroom.hub_config.exchange"))
        exchange.suspend()
        try:
            page = person.client.get("/services/portal/")
        finally:
            exchange.resume()
        assert page.status_code == 503
        assert "没有丢失" in page.text
        assert "is kept" in page.text
