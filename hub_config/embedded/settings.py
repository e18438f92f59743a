# SPDX-License-Identifier: BSD-3-Clause
"""What the launcher decides and the hub process reads: one private JSON file in the data folder."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from labroom.hub_config.data_folder import DataFolder

ENVIRONMENT = "LABROOM_HUB_SETTINGS"


@dataclass(frozen=True)
class HubSettings:
    """Where this run of the hub listens, whom it serves and how it separates them."""

    data: str
    courses: str
    ip: str
    port: int
    hub_port: int
    proxy_port: int
    exchange_port: int
    portal_port: int
    confined: bool
    people: tuple[str, ...] = ()
    verbose: bool = False
    extra_config: str | None = None

    @property
    def folder(self) -> DataFolder:
        """The hub's data folder."""
        return DataFolder(Path(self.data))

    @property
    def host(self) -> str:
        """Address at which this machine itself reaches the hub."""
        return "127.0.0.1" if self.ip in ("", "0.0.0.0", "*") else self.ip  # noqa: S104 - compared, not bound

    @property
    def url(self) -> str:
        """Address to open in a browser on this machine, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def write(self) -> Path:
        """Write the file, readable by its owner only; returns its path."""
        return write_private(self.folder.hub / "settings.json", json.dumps(asdict(self), indent=1))

    @classmethod
    def from_environment(cls) -> "HubSettings":
        """The settings that the launcher left for this hub process."""
        raw = json.loads(Path(os.environ[ENVIRONMENT]).read_text(encoding="utf-8"))
        raw["people"] = tuple(raw["people"])
        return cls(**raw)


def write_private(path: Path, text: str) -> Path:
    """Write a small file at once and readable by its owner only; a reader sees the old or the new one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return path
