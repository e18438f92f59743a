# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "gives the test cell more points and a test that always passes"
# state = "graded"
# scores = {q1 = 0.0, q2 = 0.0, q3 = 0.0}
# how = "make"
# ---
from grading_course import edit_notebook


def make(folder):
    with edit_notebook(folder) as nb:
        for cell in nb["cells"]:
            mark = cell["metadata"].get("nbgrader", {})
            if mark.get("grade"):
                mark["points"] = 100
                cell["source"] = "pass"
