# SPDX-License-Identifier: BSD-3-Clause
"""Make the virtual environment that the Makefile uses, on a machine with nothing but Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)


def run(*command: str) -> None:
    """Run a command; on failure show what it was and stop."""
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"setting up failed at: {' '.join(command)}\nMend what it says above, then run make again.")


def ensure_ensurepip() -> None:
    """Debian and Ubuntu keep venv's other half in a package of its own."""
    try:
        import ensurepip  # noqa: F401  only its presence matters
    except ImportError:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        become = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if shutil.which("apt-get") and (not become or shutil.which("sudo")):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run([*become, "apt-get", "update", "-qq"], env=environment, check=False)
            asked = [*become, "apt-get", "install", "-y", "-qq", package]
            if subprocess.run(asked, env=environment, check=False).returncode == 0:
                return
        sys.exit(f"Python's venv is not installed. As an administrator: apt-get install {package}")


def main(folder: Path) -> None:
    """Environment with the locked packages and this checkout, ready to use."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}. "
            "Name a newer one: make PYTHON=python3.12 …"
        )
    ensure_ensurepip()
    print(f"Installing into {folder} (about 800 MB; half a minute to a few minutes) …", flush=True)
    python = str(folder / "bin" / "python")
    if not Path(python).exists():
        run(sys.executable, "-m", "venv", str(folder))
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--no-deps", "-r", "requirements.lock")
    os.environ["PYTHONWARNINGS"] = "ignore"  # setuptools warns of every editable installation
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
