# SPDX-License-Identifier: BSD-3-Clause
"""For tests: a person at a real Chromium. Reads as what a teacher does; waits for what she would wait for."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM = os.environ.get("LABROOM_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCALES = {"zh": "zh-CN", "en": "en-GB"}
PATIENCE = 90_000
"""Milliseconds for what starts a server or runs a notebook on a busy machine."""
expect.set_options(timeout=30_000)  # what a page does by itself; five seconds are too few on a busy machine


@contextmanager
def chromium() -> Iterator[Browser]:
    """One browser for several people."""
    assert CHROMIUM, "no Chromium found; install Debian's chromium or set LABROOM_CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """A person on the hub, with cookies of her own. Pictures go to ``pictures`` when it is given."""

    page: Page
    hub: str
    language: str
    pictures: Path | None = None

    def sign_in(self, name: str, password: str) -> "Visitor":
        """Through the hub's sign-in page to the course page."""
        self.page.goto(self.hub + "/")
        self.page.locator("#username_input").fill(name)
        self.page.locator("#password_input").fill(password)
        self.page.locator("#login_submit").click()
        self.page.wait_for_url("**/services/portal/**", timeout=PATIENCE)
        expect(self.page.locator("main")).to_be_visible()
        return self

    def course_page(self) -> "Visitor":
        """The course page, read afresh."""
        self.page.goto(self.hub + "/services/portal/")
        expect(self.page.locator("main")).to_be_visible()
        return self

    def card(self, lab: str) -> Locator:
        """A lab's card on the course page (an author sees a row in its place)."""
        return self.page.locator(f'[data-lab="{lab}"]')

    def card_state(self, lab: str) -> str:
        """new, open, handed-in or scored."""
        return str(self.card(lab).get_attribute("data-state"))

    def open_lab(self, lab: str) -> "OpenLab":
        """One click on the card, then as long as it takes until the lab can be used."""
        self.card(lab).locator("[data-open]").click()
        return self.in_lab(lab)

    def in_lab(self, lab: str) -> "OpenLab":
        """The lab that is being opened in this tab."""
        self.page.wait_for_url(f"**/{lab}.ipynb*", timeout=PATIENCE)
        opened = OpenLab(self)
        expect(opened.check_button).to_be_visible(timeout=PATIENCE)
        opened.wait_until_idle()
        return opened

    def feedback(self, lab: str) -> "Feedback":
        """Score and feedback of the attempt that counts."""
        self.card(lab).locator("a.button.main").click()
        expect(self.page.locator("[data-feedback]")).to_be_visible()
        return Feedback(self.page)

    def switch_language(self) -> None:
        """Press the other language's name in the header."""
        self.page.locator("header nav a").first.click()
        self.language = "en" if self.language == "zh" else "zh"
        expect(self.page.locator("html")).to_have_attribute(
            "lang", {"zh": "zh-CN", "en": "en"}[self.language]
        )

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture of what is on the screen, if pictures are wanted."""
        if self.pictures is not None:
            self.pictures.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=self.pictures / f"{name}-{self.language}.png", full_page=whole)


@contextmanager
def visitor(browser: Browser, hub: str, language: str = "zh", **options: Any) -> Iterator[Visitor]:
    """A person with a browser window in her language. Pictures: $LABROOM_PICTURES names a folder."""
    size = {"width": options.pop("width", 1280), "height": options.pop("height", 860)}
    context = browser.new_context(locale=LOCALES[language], viewport=size, **options)
    # The home page of the hub knows its visitor by cookies only, so people do not mix.
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    wanted = os.environ.get("LABROOM_PICTURES")
    try:
        yield Visitor(page, hub, language, Path(wanted) if wanted else None)
    finally:
        context.close()


class OpenLab:
    """A lab's notebook in JupyterLab, with the bar above it."""

    def __init__(self, who: Visitor) -> None:
        self.who, self.page = who, who.page
        self.check_button = self.page.locator('[data-labroom="check"]')
        self.hand_in_button = self.page.locator('[data-labroom="handIn"]')
        self.panel = self.page.locator(".labroom-panel")
        self.status = self.page.locator(".labroom-status")

    @property
    def path(self) -> str:
        """``course/lab/lab.ipynb``."""
        return urlsplit(self.page.url).path.split("/tree/", 1)[1]

    def wait_until_idle(self) -> None:
        """Until the kernel says idle in the status bar: Lab swallows what is pressed before that."""
        idle = self.page.locator("#jp-main-statusbar").get_by_text("| ")
        expect(idle.filter(has_text="Idle").or_(idle.filter(has_text="空闲")).first).to_be_visible(
            timeout=PATIENCE
        )

    def cell(self, text: str) -> Locator:
        """The first code cell with this text in its editor."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").filter(has_text=text).first

    def write(self, cell: Locator, source: str) -> None:
        """Replace a code cell's text, as by keyboard."""
        editor = cell.locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(source)

    def run(self, cell: Locator) -> None:
        """Run one code cell, folded or not, and wait until it has an output."""
        cell.scroll_into_view_if_needed()
        cell.click(position={"x": 60, "y": 8})
        self.page.keyboard.press("Control+Enter")
        expect(cell).not_to_have_class(re.compile("jp-mod-noOutputs"), timeout=PATIENCE)

    def check(self) -> dict[str, str]:
        """Press Check my work; state by item."""
        self.check_button.click()
        expect(self.panel.locator(".labroom-results")).to_be_visible(timeout=PATIENCE)
        rows = self.panel.locator("[data-item]").all()
        return {str(r.get_attribute("data-item")): str(r.get_attribute("data-state")) for r in rows}

    def hand_in(self) -> str:
        """Press Hand in, agree, wait for the receipt; its number."""
        self.hand_in_button.click()
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        receipt = self.panel.locator("[data-receipt]")
        expect(receipt).to_be_visible(timeout=PATIENCE)
        return str(receipt.get_attribute("data-receipt"))


class Feedback:
    """The page with score, items and the notebook with comments."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def score(self) -> str:
        """The total as written."""
        return self.page.locator(".big-score").inner_text()

    def items(self) -> dict[str, str]:
        """State by item."""
        rows = self.page.locator("tr[data-item]").all()
        return {str(r.get_attribute("data-item")): str(r.get_attribute("data-state")) for r in rows}
