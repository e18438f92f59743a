# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "an empty file"
# state = "learner-failed"
# kind = "unreadable"
# detail = "is empty"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "warm-up.ipynb").write_text("")
