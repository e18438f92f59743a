# SPDX-License-Identifier: BSD-3-Clause
"""nbgrader's own Assignment List in JupyterLab, unchanged, through our exchange, in a real browser."""

import shutil
from pathlib import Path

import pytest
from browser_story import PATIENCE, chromium, visitor
from hub_story import CLASS_PASSWORD, REPOSITORY_SEASON, running_hub
from playwright.sync_api import expect

COURSE, LAB = "forces-waves", "weighing-earth"


@pytest.mark.slow
@pytest.mark.browser
def test_a_learner_fetches_and_submits_with_the_assignment_list(tmp_path: Path) -> None:
    courses = tmp_path / "courses"
    shutil.copytree(REPOSITORY_SEASON.parent, courses, symlinks=True)
    season = courses / "courses.toml"
    season.write_text(f"[hub]\nassignment_list = true\n\n{season.read_text(encoding='utf-8')}", "utf-8")
    with (
        running_hub(tmp_path, courses=season) as hub,
        chromium() as browser,
        visitor(browser, hub.url, "en") as teacher,
    ):
        page = teacher.sign_in("wu", CLASS_PASSWORD).page
        page.goto(f"{hub.url}/hub/spawn/wu?next=/user/wu/lab")
        page.wait_for_url("**/user/wu/lab**", timeout=PATIENCE)
        page.locator(".lm-MenuBar-itemLabel", has_text="Nbgrader").click(timeout=PATIENCE)
        expect(page.locator(".lm-Menu-itemLabel", has_text="Formgrader")).to_have_count(0)
        page.locator(".lm-Menu-itemLabel", has_text="Assignment List").click()
        page.get_by_role("button", name="Fetch", exact=True).click(timeout=PATIENCE)
        page.get_by_role("button", name="Submit", exact=True).click(timeout=PATIENCE)
        expect(page.get_by_role("button", name="Fetch Feedback")).to_be_visible(timeout=PATIENCE)
        home = hub.data.homes / "wu"
        assert (home / COURSE / LAB / f"{LAB}.ipynb").is_file()
        assert len(list((home / "receipts" / COURSE / LAB).glob("1-*.json"))) == 1
