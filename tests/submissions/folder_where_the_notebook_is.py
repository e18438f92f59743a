# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "hands in a folder called like the notebook"
# state = "learner-failed"
# kind = "unreadable"
# detail = "warm-up.ipynb has the name of a folder or file of the lab"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "warm-up.ipynb").unlink()
    (folder / "warm-up.ipynb").mkdir()
    (folder / "warm-up.ipynb" / "inside.txt").write_text("x")
