# SPDX-License-Identifier: BSD-3-Clause
# ---
# what = "hands in a package lab, a module lab.so, lab.json and data of its own; none is there in the run"
# state = "graded"
# scores = {q1 = 2.0, q2 = 0.0, q3 = 0.0}
# attack = true
# how = "make"
# start_from = "honest_wrong"
# ---
from grading_course import answer


def make(folder):
    (folder / "lab").mkdir()
    (folder / "lab" / "__init__.py").write_text("print('REACHED')\nWATER = 100\n")
    (folder / "lab.so").write_bytes(b"no module")
    (folder / "lab.json").write_text('{"timeout": 600}')
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "water.csv").write_text("height,boiling\n0,REACHED\n")
    (folder / "data" / "more.csv").write_text("REACHED\n")
    answer(
        folder,
        "import glob, lab\nboiling = lab.WATER\ndouble, share = None, 0\n"
        "[print(open(name).read()) for name in glob.glob('data/*')]",
    )
