# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a notebook that is no JSON"
# state = "learner-failed"
# kind = "unreadable"
# detail = "not a whole notebook"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "warm-up.ipynb").write_text("once upon a time")
