# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "everything wrong, nothing broken"
# state = "graded"
# scores = {q1 = 0.0, q2 = 0.0, q3 = 0.0}
# ---
boiling = 90


def double(number):
    return number


share = 0.0
