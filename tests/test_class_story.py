# SPDX-License-Identifier: BSD-3-Clause
"""The whole story in a real browser: a teacher does a lab and hands in, the author grades, the teacher reads."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browser_story import PATIENCE, OpenLab, Visitor, chromium, visitor
from hub_story import AUTHOR_PASSWORD, CLASS_PASSWORD, REPOSITORY_SEASON, Hub, running_hub
from playwright.sync_api import Browser, Page, expect

from labroom.tools.invented_teachers import answer

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("class-story")]
COURSE, LAB = "matter-energy", "boiling-tibet"
SOURCE = REPOSITORY_SEASON.parent / COURSE / "source" / LAB / f"{LAB}.ipynb"
ANSWERS = ("q1-answer", "q2-answer", "q3-answer", "q4-answer")
ITEMS = ("q1", "q2", "q3", "q4")
WORDS = {
    "zh": {"free": "主张：水温低了茶就淡。", "mark": "证据写得具体，很好。", "state": "海拔"},
    "en": {
        "free": "Claim: cooler water, weaker tea.",
        "mark": "Good, concrete evidence.",
        "state": "altitude",
    },
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running_hub(tmp_path_factory.mktemp("class"), courses=REPOSITORY_SEASON) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def solution(grade_id: str) -> str:
    notebook = nbformat.read(SOURCE, as_version=4)
    cells = answer(notebook, notebook, "right")["cells"]
    return next(c["source"] for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def play_with_the_lab(lab: OpenLab) -> None:
    """Look at the first figure, commit a prediction, climb the mountain with the slider."""
    first = lab.cell("how much air is left above you")
    lab.run(first)
    expect(first.locator(".jp-OutputArea img").first).to_be_visible(timeout=PATIENCE)
    prediction = lab.cell("predict before you see the result")
    lab.run(prediction)
    prediction.locator("input[type=radio]").nth(2).check()
    prediction.locator("textarea").fill("Less air presses on the water.")
    prediction.locator("button").last.click()
    expect(prediction.locator("textarea")).to_be_disabled()
    climb = lab.cell("slider: climb a mountain")
    lab.run(climb)
    live, figure = climb.locator("[aria-live=polite]"), climb.locator(".jp-OutputArea img").first
    expect(live).to_contain_text("hPa", timeout=PATIENCE)
    said, shown = live.inner_text(), figure.get_attribute("src")
    climb.locator(".noUi-handle").first.focus()
    for _ in range(3):
        lab.page.keyboard.press("PageUp")
    expect(live).not_to_have_text(said, timeout=PATIENCE)
    expect(figure).not_to_have_attribute("src", str(shown), timeout=PATIENCE)


def write_answers(lab: OpenLab, language: str) -> None:
    """Fill in the four answers and the free response."""
    for grade_id in ANSWERS:
        source = solution(grade_id)
        head = source.split("\n")[0][:24]
        lab.write(lab.cell(head), source)
    free = (
        lab.page.locator(".jp-MarkdownCell")
        .filter(has_text=re.compile("在这里|your answer", re.IGNORECASE))
        .last
    )
    free.dblclick()
    free.locator(".cm-content").click()
    lab.page.keyboard.press("Control+a")
    lab.page.keyboard.insert_text(WORDS[language]["free"])


def mark_free_response(author: Visitor, page: Page, language: str) -> None:
    """In formgrader, as the author: give points and a comment to the one submission to be marked."""
    page.goto(f"{author.hub}/user/grader-{COURSE}/formgrader/gradebook/{LAB}/{LAB}")
    page.locator("#gradebook-table a, table a").first.click(timeout=PATIENCE)
    points = page.locator("input.score").last
    expect(points).to_be_visible(timeout=PATIENCE)
    points.fill("4")
    points.press("Tab")
    comment = page.locator("textarea.comment").last
    comment.fill(WORDS[language]["mark"])
    comment.press("Tab")
    expect(page.locator(".fa-check, .glyphicon-ok").first).to_be_attached()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_teacher_does_a_lab_the_author_grades_and_the_teacher_reads(
    hub: Hub, browser: Browser, language: str, tmp_path: Path
) -> None:
    name = f"li.{language}"
    with visitor(browser, hub.url, language) as teacher:
        teacher.sign_in(name, CLASS_PASSWORD)
        teacher.picture("story-1-course-page")
        lab = teacher.open_lab(LAB)
        play_with_the_lab(lab)
        teacher.picture("story-2-slider", whole=False)
        write_answers(lab, language)
        checked = lab.check()
        assert {item: checked[item] for item in ITEMS} == dict.fromkeys(ITEMS, "right")
        teacher.picture("story-3-check", whole=False)
        receipt = lab.hand_in()
        teacher.picture("story-4-receipt", whole=False)
        kept = list((hub.data.homes / name / "receipts" / COURSE / LAB).glob("1-*.json"))
        assert [receipt in path.name for path in kept] == [True]
        assert teacher.course_page().card_state(LAB) == "handed-in"
