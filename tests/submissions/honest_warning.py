# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "a right answer that prints a warning; nbgrader alone gives 0 for it"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# differs_from_nbgrader = true
# ---
import warnings

boiling = 100


def double(number):
    warnings.warn("old way of doubling", UserWarning)
    return 2 * number


share = 1.0
