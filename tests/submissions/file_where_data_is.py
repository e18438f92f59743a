# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "hands in a file called data, where the lab has a folder"
# state = "learner-failed"
# kind = "unreadable"
# detail = "data has the name of a folder or file of the lab"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "data").write_text("print('REACHED')\n")
