# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "reads what another learner handed in, and the outputs of others' runs"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# attack = true
# ---
import glob

boiling = 100
for pattern in (
    "{course}/submitted/*/*/*.ipynb",
    "{course}/.labroom/outputs/*/*",
    "/tmp/labroom-*/*/*",
    "../../*",
):
    for name in glob.glob(pattern):
        import os

        if os.path.abspath(name).startswith(os.path.dirname(os.getcwd())):
            continue
        try:
            open(name).read()
            print("REACHED")
        except OSError:
            pass
double, share = None, 0
