# SPDX-License-Identifier: BSD-3-Clause
"""Where one hub keeps what it must not lose: one root folder, four private parts."""

import os
from dataclasses import dataclass
from pathlib import Path

DEFAULT = Path(".labroom")


@dataclass(frozen=True)
class DataFolder:
    """The parts of a hub's data folder. Making one touches nothing on disk."""

    root: Path

    @property
    def hub(self) -> Path:
        """Hub database, cookie secret, log, lock, operator's token."""
        return self.root / "hub"

    @property
    def exchange(self) -> Path:
        """Exchange database, blobs and signing key."""
        return self.root / "exchange"

    @property
    def courses(self) -> Path:
        """One nbgrader course folder per course: source to feedback, and the gradebook."""
        return self.root / "courses"

    @property
    def homes(self) -> Path:
        """One home per person."""
        return self.root / "homes"

    @property
    def operator_file(self) -> Path:
        """Addresses and token with which the operator's commands reach the running hub."""
        return self.hub / "operator.json"

    def course(self, course_id: str) -> Path:
        """nbgrader course root of one course."""
        return self.courses / course_id

    def ensure(self) -> "DataFolder":
        """Make the parts, readable by their owner only. Safe to call again."""
        for part in (self.root, self.hub, self.exchange, self.courses, self.homes):
            part.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.chmod(0o700)
        return self


def find_data_folder(given: str | os.PathLike[str] | None = None) -> DataFolder:
    """Data folder from an option, else $LABROOM_DATA, else ./.labroom; as an absolute path."""
    return DataFolder(Path(given or os.environ.get("LABROOM_DATA") or DEFAULT).absolute())
