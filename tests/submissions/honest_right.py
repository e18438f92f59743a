# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "everything right"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# ---
boiling = 100


def double(number):
    return 2 * number


share = 1.0
