# SPDX-License-Identifier: BSD-3-Clause
"""The whole story in a real browser: a teacher hands in, the author grades, the teacher reads."""

import re
from collections.abc import Iterator

import nbformat
import pytest
from browser_story import PATIENCE, OpenLab, Visitor, chromium, visitor
from hub_story import AUTHOR_PASSWORD, CLASS_PASSWORD, REPOSITORY_SEASON, Hub, running_hub
from playwright.sync_api import Browser, expect

from labroom.tools.invented_teachers import answer

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.xdist_group("class-story")]
COURSE, LAB = "matter-energy", "boiling-tibet"
SOURCE = REPOSITORY_SEASON.parent / COURSE / "source" / LAB / f"{LAB}.ipynb"
ANSWERS = ("q1-answer", "q2-answer", "q3-answer", "q4-answer")
ITEMS = ("q1", "q2", "q3", "q4")
WORDS = {
    "zh": {"free": "主张：水温低了茶就淡。", "mark": "证据写得具体，很好。"},
    "en": {
        "free": "Claim: cooler water, weaker tea.",
        "mark": "Good, concrete evidence.",
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
    live, figure = climb.locator("[role=status]"), climb.locator(".jp-OutputArea img").first
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


class Formgrader:
    """nbgrader's grading pages, in the course's own server that the author's click has started."""

    def __init__(self, author: Visitor) -> None:
        author.page.locator(f'[data-lab="{LAB}"] [data-grade]').click()
        author.page.wait_for_url("**/formgrader/**", timeout=PATIENCE)
        self.page, self.url = author.page, f"{author.hub}/user/grader-{COURSE}/formgrader"

    def press(self, page: str, row: str, column: str) -> None:
        """Press a row's button and close the window that says it succeeded."""
        self.page.goto(f"{self.url}/{page}")
        line = self.page.locator("tbody tr").filter(has_text=row)
        line.locator(f"td.{column} a").click(timeout=PATIENCE)
        dialog = self.page.locator(".modal.in")
        expect(dialog.locator(".modal-title")).to_have_text("Success", timeout=PATIENCE)
        dialog.locator(".modal-footer button").last.click()
        expect(dialog).to_have_count(0)

    def mark(self, points: str, comment: str) -> None:
        """Give points and a comment to the one answer that waits for a person."""
        self.page.goto(f"{self.url}/gradebook/{LAB}/{LAB}")
        mark = self.page.locator("td.needs-manual-grade .glyphicon-ok")
        waiting = self.page.locator("tbody tr").filter(has=mark)
        waiting.locator("a").first.click(timeout=PATIENCE)
        self.page.wait_for_url("**/formgrader/submissions/**", timeout=PATIENCE)
        # The page asks for the grades after it has loaded; what is typed before that is not saved.
        self.page.wait_for_load_state("networkidle")
        for box, text in (("input.score", points), ("textarea.comment", comment)):
            field = self.page.locator(box).last
            expect(field).to_be_visible(timeout=PATIENCE)
            with self.page.expect_response(lambda r: r.request.method == "PUT" and r.ok):
                field.fill(text)
                field.press("Tab")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_teacher_does_a_lab_the_author_grades_and_the_teacher_reads(
    hub: Hub, browser: Browser, language: str
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

    with visitor(browser, hub.url, "en") as author:
        author.sign_in("chen", AUTHOR_PASSWORD)
        author.picture("story-5-author")
        grading = Formgrader(author)
        grading.press("manage_assignments", LAB, "collect")
        grading.press(f"manage_submissions/{LAB}", name, "autograde")
        grading.mark("4", WORDS[language]["mark"])
        author.picture("story-6-formgrader", whole=False)
        grading.press(f"manage_submissions/{LAB}", name, "generate-feedback")
        grading.press(f"manage_submissions/{LAB}", name, "release-feedback")

    with visitor(browser, hub.url, language) as teacher:
        teacher.sign_in(name, CLASS_PASSWORD)
        assert teacher.card_state(LAB) == "scored"
        teacher.picture("story-7-scored")
        feedback = teacher.feedback(LAB)
        assert feedback.score.split() == ["14", "/", "15"]
        assert {item: feedback.items()[item] for item in ITEMS} == dict.fromkeys(ITEMS, "right")
        frame = teacher.page.frame_locator("iframe")
        expect(frame.get_by_text(WORDS[language]["mark"])).to_be_visible()
        expect(frame.locator("body")).not_to_contain_text("HIDDEN TESTS")
        teacher.picture("story-8-feedback")
