# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a graded cell pasted from another lab"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# note = "foreign"
# how = "make"
# start_from = "honest_right"
# ---
from grading_course import edit_notebook


def make(folder):
    with edit_notebook(folder) as nb:
        mark = {"schema_version": 3, "grade_id": "other", "grade": True, "solution": False, "locked": True}
        mark |= {"task": False, "points": 50, "cell_type": "code"}
        cell = {"cell_type": "code", "id": "other", "metadata": {"nbgrader": mark}, "source": "pass"}
        nb["cells"].append(cell | {"outputs": [], "execution_count": None})
