# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a test cell copied by accident; nbgrader alone stops the whole batch"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# note = "copied"
# how = "make"
# start_from = "honest_right"
# ---
import copy

from grading_course import edit_notebook


def make(folder):
    with edit_notebook(folder) as nb:
        place = next(
            i for i, c in enumerate(nb["cells"]) if c["metadata"].get("nbgrader", {}).get("grade_id") == "q1"
        )
        nb["cells"].insert(place, copy.deepcopy(nb["cells"][place]))
