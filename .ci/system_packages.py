# SPDX-License-Identifier: BSD-3-Clause
"""See that browser, fonts and database server are there for the tests; install them where allowed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# what a test needs -> Debian's package of it
NEEDED = {
    "chromium": "chromium",
    "wqy-microhei.ttc": "fonts-wqy-microhei",
    "postgres": "postgresql",
}


def present(thing: str) -> bool:
    """Whether a program or a font file is on this machine."""
    if thing.endswith(".ttc"):
        return any(Path("/usr/share/fonts").rglob(thing))
    if thing == "postgres":
        return any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return any(shutil.which(name) for name in (thing, f"{thing}-browser"))


def main() -> None:
    """Install what is missing, or name it in one line and stop."""
    missing = [package for thing, package in NEEDED.items() if not present(thing)]
    if not missing:
        return
    become = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") and (not become or shutil.which("sudo")):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([*become, "apt-get", "update", "-qq"], env=environment, check=False)
        asked = [*become, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        subprocess.run(asked, env=environment, check=False, stdout=subprocess.DEVNULL)
    missing = [package for thing, package in NEEDED.items() if not present(thing)]
    if missing:
        sys.exit(f"The tests need more programs. As an administrator: apt-get install {' '.join(missing)}")


if __name__ == "__main__":
    main()
