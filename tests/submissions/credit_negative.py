# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "partial credit that is negative"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 0.0}
# differs_from_nbgrader = true
# ---
boiling = 100


def double(number):
    return 2 * number


share = -1.0
