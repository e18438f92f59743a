# SPDX-License-Identifier: BSD-3-Clause
"""``python -m labroom.tools VERB``: the same as ``labroom VERB``, wherever the script is."""

from .cli import main

main(prog_name="labroom")
