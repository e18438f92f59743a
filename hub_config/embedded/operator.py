# SPDX-License-Identifier: BSD-3-Clause
"""What the operator's commands need of a running hub: its addresses, and tokens for the courses' graders."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from labroom.hub_config.courses import GRADER_PREFIX
from labroom.hub_config.data_folder import DataFolder

if TYPE_CHECKING:
    from labroom.hub_config.exchange.client import Exchange


class HubNotRunning(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """No hub answers for this data folder."""


@dataclass(frozen=True)
class Operator:
    """Addresses and token of a running hub, as its launcher left them."""

    url: str
    hub_api: str
    exchange: str
    token: str

    def call(self, method: str, path: str, **body: Any) -> Any:
        """One call of the hub's API; HTTPStatusError for an answer that is not success."""
        headers = {"Authorization": f"token {self.token}"}
        answer = httpx.request(
            method, self.hub_api + path, headers=headers, json=body or None, trust_env=False, timeout=30
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def token_for(self, name: str, *, seconds: int = 3600, note: str = "operator") -> str:
        """A token that acts as this hub user towards the exchange, for so long."""
        scopes = ["access:services!service=exchange", "read:users:name!user", "read:users:groups!user"]
        made = self.call("POST", f"/users/{name}/tokens", expires_in=seconds, note=note, scopes=scopes)
        token: str = made["token"]
        return token


def find_operator(data: DataFolder) -> Operator:
    """The operator's access to the hub that runs on this data folder; HubNotRunning says how to start it."""
    try:
        raw = json.loads(data.operator_file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HubNotRunning(
            f"{data.root} 没有正在运行的教室，请先运行 labroom hub。 "
            f"No hub has run on {data.root} yet; start it with labroom hub."
        ) from error
    operator = Operator(**{key: raw[key] for key in ("url", "hub_api", "exchange", "token")})
    try:
        operator.call("GET", "/")
    except httpx.HTTPError as error:
        raise HubNotRunning(
            f"{operator.url} 上没有教室在运行，请先运行 labroom hub。 "
            f"No hub answers at {operator.url}; start it with labroom hub. ({error})"
        ) from error
    return operator


def grader_exchange(data: DataFolder, course: str) -> "Exchange":
    """The exchange, as the grader of this course."""
    from labroom.hub_config.exchange.client import Exchange

    operator = find_operator(data)
    return Exchange(operator.exchange, operator.token_for(GRADER_PREFIX + course))
