# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a notebook cut off in the middle"
# state = "learner-failed"
# kind = "unreadable"
# detail = "not a whole notebook"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    path = folder / "warm-up.ipynb"
    path.write_text(path.read_text()[:-200])
