# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "hands in its own lab.py and data; the released ones are used"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# attack = true
# how = "make"
# start_from = "honest_wrong"
# ---
from grading_course import answer


def make(folder):
    (folder / "lab.py").write_text("print('REACHED')\n")
    answer(folder, "import lab\nboiling = lab.WATER\ndouble, share = None, 0")
