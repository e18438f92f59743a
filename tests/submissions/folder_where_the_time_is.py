# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "hands in a folder called timestamp.txt, which nbgrader would read"
# state = "learner-failed"
# kind = "unreadable"
# detail = "timestamp.txt has the name of a folder or file of the lab"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "timestamp.txt").mkdir()
    (folder / "timestamp.txt" / "inside.txt").write_text("x")
