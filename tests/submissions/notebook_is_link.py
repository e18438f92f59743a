# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "the notebook itself is a link to the gradebook"
# state = "learner-failed"
# kind = "unreadable"
# detail = "is a link"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    path = folder / "warm-up.ipynb"
    path.unlink()
    path.symlink_to("../../../gradebook.db")
