# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "passes the visible test of q2 only, half of q3"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 1.0}
# ---
boiling = 100


def double(number):
    return 4


share = 0.5
