# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "reads the author's source, the released folder's neighbours and the hub's repository"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# attack = true
# ---
from pathlib import Path

boiling = 100
for place in (
    "{course}/source/warm-up/warm-up.ipynb",
    "../../../source/warm-up/warm-up.ipynb",
    "{course}/release",
):
    try:
        list(Path(place).iterdir()) if Path(place).is_dir() else Path(place).read_text()
        print("REACHED")
    except OSError:
        pass
double, share = None, 0
