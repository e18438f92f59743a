# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "prints the notebook's own history, where hidden tests stand, in a cell of its own at the end"
# state = "graded"
# scores = {q1 = 2.0, q2 = 3.0, q3 = 2.0}
# last_cell = "print(In)\nfor source in In:\n    print(source)"
# ---
boiling = 100


def double(number):
    return 2 * number


share = 1.0
