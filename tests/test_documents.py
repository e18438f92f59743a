# SPDX-License-Identifier: BSD-3-Clause
"""What the documents say is true."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

# lowest versions without a known hole that concerns us; sources in docs/security.md
FLOORS = {
    "nbgrader": "0.9.5",
    "jupyterhub": "5.5.1",
    "jupyter-server": "2.20.0",
    "jupyterlab": "4.6.2",
    "nbconvert": "7.17.0",
    "jinja2": "3.1.6",
    "tornado": "6.5.5",
}


def test_changelog_begins_with_the_version_that_is_packaged() -> None:
    packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first is not None
    assert first[1] == packaged


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_links_inside_the_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    missing = [x for x in links if "://" not in x and not (document.parent / x).exists()]
    assert missing == []


def test_commands_named_in_the_documents_exist() -> None:
    from labroom.tools.cli import VERBS

    text = "\n".join(d.read_text(encoding="utf-8") for d in DOCUMENTS)
    named = set(re.findall(r"(?:`|/|^\s+)labroom ([a-z][a-z-]+)", text, re.MULTILINE))
    assert named
    assert named <= set(VERBS), f"documents name verbs that do not exist: {named - set(VERBS)}"


def test_every_verb_explains_itself() -> None:
    from labroom.tools.cli import VERBS

    for verb in VERBS:
        asked = [sys.executable, "-c", "from labroom.tools.cli import main; main()", verb, "--help"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        assert "Usage:" in said.stdout


def test_help_imports_nothing_heavy() -> None:
    probe = (
        "import sys\nfrom labroom.tools.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "heavy = {'nbgrader', 'jupyterhub', 'matplotlib', 'numpy', 'sqlalchemy', 'fastapi', 'papermill'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)\n"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("name", FLOORS)
def test_installed_versions_are_above_the_security_floors(name: str) -> None:
    assert Version(version(name)) >= Version(FLOORS[name])


def test_lock_records_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    pins = [line for line in lock.splitlines() if re.match(r"[A-Za-z0-9]", line)]
    assert all("==" in line for line in pins)


def test_every_code_file_names_its_licence() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    names = [n for n in tracked.decode().split("\0") if n.endswith((".py", ".js", ".css", ".toml"))]
    bare = [n for n in names if "SPDX-License-Identifier" not in (ROOT / n).read_text(encoding="utf-8")[:400]]
    assert names
    assert bare == []


def test_modules_are_imported_by_their_installed_names() -> None:
    short = re.compile(r"^\s*(?:from|import) (?:autograder|hub_config|tools)\b", re.MULTILINE)
    folders = ("autograder", "hub_config", "tools", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert files
    assert [str(p) for p in files if short.search(p.read_text(encoding="utf-8"))] == []
