# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a link to a file of the system"
# state = "learner-failed"
# kind = "unreadable"
# detail = "is a link"
# how = "make"
# start_from = "honest_right"
# ---
def make(folder):
    (folder / "data.txt").symlink_to("/etc/passwd")
