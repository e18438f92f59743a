# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "test cells deleted; they are put back"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# note = "put back"
# how = "make"
# start_from = "honest_right"
# ---
from grading_course import edit_notebook


def make(folder):
    with edit_notebook(folder) as nb:
        nb["cells"] = [
            c for c in nb["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") not in ("q1", "q3")
        ]
