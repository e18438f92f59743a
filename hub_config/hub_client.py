# SPDX-License-Identifier: BSD-3-Clause
"""A person at a browser, without the browser: sign in, start a server, run code in a kernel, read files.

Speaks to the hub as a browser does, with cookies and their _xsrf; used by tests and `labroom rehearse`.
"""

import contextlib
import json
import time
import uuid
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx
import websocket


class SignInRefused(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """The hub did not accept name and password."""


class ServerFailed(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """A person's server did not come up."""


@dataclass(frozen=True)
class CellOutcome:
    """What one executed cell gave: printed text, text of its result, and the error if it failed."""

    text: str
    result: str
    error: str | None
    outputs: tuple[dict[str, Any], ...] = field(repr=False, default=())


class Person:
    """One browser session on the hub. Use as a context manager."""

    def __init__(self, hub_url: str, name: str, *, timeout: float = 180.0) -> None:
        self.hub_url, self.name, self.timeout = hub_url.rstrip("/"), name, timeout
        self.client = httpx.Client(
            base_url=self.hub_url, follow_redirects=True, timeout=timeout, trust_env=False
        )

    def __enter__(self) -> "Person":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.client.close()

    def sign_in(self, password: str) -> httpx.Response:
        """Fill in the sign-in page; returns the page the person lands on. SignInRefused if refused."""
        page = self.client.get("/hub/login")
        page.raise_for_status()
        form = {"username": self.name, "password": password, "_xsrf": self._xsrf("/hub/")}
        answer = self.client.post("/hub/login", data=form, follow_redirects=False)
        if answer.status_code != httpx.codes.FOUND:
            raise SignInRefused(f"{self.name}: {answer.status_code}")
        return self.client.get(answer.headers["location"])

    def hub_api(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """A call that the hub's own pages could make, e.g. ``hub_api("GET", "/users/li")``."""
        if not self._xsrf("/hub/"):
            self.client.get("/hub/home")
        return self._json_call(method, f"/hub/api{path}", "/hub/", body)

    def start_server(self, name: str | None = None) -> str:
        """Start a server (this person's own, or one that the person may start); returns its url path."""
        server = name or self.name
        self.client.get(f"/hub/spawn/{server}").raise_for_status()
        deadline = time.monotonic() + self.timeout
        while time.monotonic() < deadline:
            answer = self.hub_api("GET", f"/users/{server}/server/progress")
            if answer.status_code == httpx.codes.BAD_REQUEST:  # not being started: it is up or has failed
                break
            events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
            if any(event.get("ready") for event in events):
                break
            if failed := next((event for event in events if event.get("failed")), None):
                raise ServerFailed(f"{server}: {failed.get('message')}")
            time.sleep(0.2)
        page = self.client.get(f"/user/{server}/lab")
        if page.status_code != httpx.codes.OK or not page.url.path.startswith(f"/user/{server}/"):
            raise ServerFailed(f"{server}: no lab page but {page.status_code} at {page.url}")
        return f"/user/{server}/"

    def stop_server(self, name: str | None = None) -> None:
        """Stop a server and wait until the hub has seen it end."""
        server = name or self.name
        self.hub_api("DELETE", f"/users/{server}/server").raise_for_status()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            # 204: stopped (also when it was not running); 202: still stopping
            if self.hub_api("DELETE", f"/users/{server}/server").status_code == httpx.codes.NO_CONTENT:
                return
            time.sleep(0.2)
        raise ServerFailed(f"{server} did not stop")

    def server_call(
        self, method: str, path: str, body: Any = None, *, server: str | None = None
    ) -> httpx.Response:
        """A call to a started server, e.g. ``server_call("GET", "api/contents/notes.txt")``."""
        prefix = f"/user/{server or self.name}/"
        return self._json_call(method, prefix + path, prefix, body)

    def read_file(self, path: str, *, server: str | None = None) -> Any:
        """Content of a file in the home, as the contents API gives it (a notebook as a dict)."""
        answer = self.server_call("GET", f"api/contents/{path}", server=server)
        answer.raise_for_status()
        return answer.json()["content"]

    def write_file(self, path: str, text: str, *, server: str | None = None) -> None:
        """Write a text file in the home."""
        body = {"type": "file", "format": "text", "content": text}
        self.server_call("PUT", f"api/contents/{path}", body, server=server).raise_for_status()

    def kernel(self, *, server: str | None = None, folder: str = "") -> "Kernel":
        """Start a Python kernel in a folder of the home."""
        body = {"name": "python3", "path": f"{folder}/none.ipynb" if folder else "none.ipynb"}
        answer = self.server_call("POST", "api/kernels", body, server=server)
        answer.raise_for_status()
        return Kernel(self, server or self.name, answer.json()["id"])

    def run(self, code: str, *, server: str | None = None, timeout: float = 120) -> CellOutcome:
        """Run one cell in a fresh kernel and end the kernel."""
        with self.kernel(server=server) as kernel:
            return kernel.run(code, timeout=timeout)

    def cookies_for(self, path: str) -> str:
        """Cookie header that a browser would send to this path."""
        request = self.client.build_request("GET", path)
        return request.headers.get("cookie", "")

    def _json_call(self, method: str, path: str, cookie_path: str, body: Any) -> httpx.Response:
        headers = {
            "X-XSRFToken": self._xsrf(cookie_path),
            "Content-Type": "application/json",
            "Referer": f"{self.hub_url}{cookie_path}",
        }
        content = None if body is None else json.dumps(body)
        return self.client.request(method, path, content=content, headers=headers)

    def _xsrf(self, path: str) -> str:
        found = [
            cookie.value
            for cookie in self.client.cookies.jar
            if cookie.name == "_xsrf" and cookie.path == path
        ]
        return found[-1] or "" if found else ""


class Kernel:
    """A running kernel. Use as a context manager; leaving it ends the kernel."""

    def __init__(self, person: Person, server: str, kernel_id: str) -> None:
        self.person, self.server, self.id = person, server, kernel_id
        path = f"/user/{server}/api/kernels/{kernel_id}/channels"
        address = urlsplit(person.hub_url)
        self.socket = websocket.create_connection(
            f"ws://{address.netloc}{path}",
            cookie=person.cookies_for(path),
            origin=person.hub_url,
            timeout=60,
        )

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The server may have ended meanwhile, and the kernel with it.
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self.socket.close()
        with contextlib.suppress(httpx.TransportError):
            self.person.server_call("DELETE", f"api/kernels/{self.id}", server=self.server)

    def run(self, code: str, *, timeout: float = 120) -> CellOutcome:
        """Run one cell; TimeoutError when it takes longer."""
        message_id = uuid.uuid4().hex
        header = {
            "msg_id": message_id,
            "msg_type": "execute_request",
            "username": self.person.name,
            "session": uuid.uuid4().hex,
            "version": "5.3",
            "date": "",
        }
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        request = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self.socket.send(json.dumps(request))
        return self._collect(message_id, time.monotonic() + timeout)

    def _collect(self, message_id: str, deadline: float) -> CellOutcome:
        text, result, error = "", "", None
        outputs: list[dict[str, Any]] = []
        replied = idle = False
        while not (replied and idle):
            self.socket.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                message = json.loads(self.socket.recv())
            except websocket.WebSocketTimeoutException as late:
                raise TimeoutError(f"cell still running; so far: {text[-500:]}") from late
            if message["parent_header"].get("msg_id") != message_id:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                text += content["text"]
            elif kind in ("execute_result", "display_data"):
                outputs.append(content)
                result = content["data"].get("text/plain", "") if kind == "execute_result" else result
            elif kind == "error":
                error = f"{content['ename']}: {content['evalue']}"
            elif kind == "execute_reply":
                replied = True
            elif kind == "status" and content["execution_state"] == "idle":
                idle = True
        return CellOutcome(text, result, error, tuple(outputs))
