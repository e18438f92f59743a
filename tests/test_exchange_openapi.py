# SPDX-License-Identifier: BSD-3-Clause
"""Whatever is sent to any address that the exchange describes, it never fails and answers as described."""

from pathlib import Path

import httpx
import hypothesis
import pytest
import schemathesis
from exchange_parts import AUTHOR, COURSE, LAB, hub, lab_folder, service, targz
from schemathesis.checks import CheckFunction

pytestmark = pytest.mark.slow
EXAMPLES = 15


@schemathesis.serializer("application/gzip")
def as_bytes(_context: object, value: object) -> bytes:
    """A body as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def checks() -> list[CheckFunction]:
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    return [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_schema_conformance,
    ]


@pytest.mark.parametrize("who", ["amei", AUTHOR])
def test_no_request_makes_the_service_fail(tmp_path: Path, who: str) -> None:
    with service(tmp_path) as running:
        with running.client(AUTHOR) as author, running.client("amei") as learner:
            author.release(COURSE, LAB, lab_folder(tmp_path / "lab"))
            row = learner.submit(COURSE, LAB, tmp_path / "lab")
            (tmp_path / "lab" / "score.json").write_text('{"score": 1, "max_score": 2}')
            author.put_feedback(COURSE, row["id"], tmp_path / "lab")
        described = httpx.get(f"{running.url}/openapi.json", trust_env=False).json()
        schema = schemathesis.openapi.from_dict(described)
        headers = {"Authorization": f"token {hub().token(who)}"}
        known = {"course": COURSE, "assignment": LAB, "number": row["id"], "file": f"{LAB}.html"}
        seen: set[int] = set()
        for operation in (result.ok() for result in schema.get_all_operations()):

            @hypothesis.settings(
                max_examples=EXAMPLES, deadline=None, derandomize=True, database=None,
                suppress_health_check=list(hypothesis.HealthCheck),
            )  # fmt: skip
            @hypothesis.given(case=operation.as_strategy(), real=hypothesis.strategies.integers(0, 3))
            def send(case: schemathesis.Case, real: int) -> None:
                # Random names would never get past "not found": most of the time use ones that exist.
                if real:
                    case.path_parameters = {
                        k: known.get(k, v) for k, v in (case.path_parameters or {}).items()
                    }
                if real == 3 and case.method in ("PUT", "POST"):
                    case.body = targz(("a.ipynb", b"{}"), ("score.json", b'{"score": 1, "max_score": 2}'))
                answer = case.call(base_url=f"http://127.0.0.1:{running.port}", headers=headers)
                seen.add(answer.status_code)
                case.validate_response(answer, checks=checks())

            send()
        assert seen >= {200, 404, 422}
        with running.client("amei") as learner:
            assert learner.receipt(COURSE, row["id"]) == row["receipt"]


def test_every_route_says_which_refusals_it_can_give(tmp_path: Path) -> None:
    from labroom.hub_config.exchange.app import create_app
    from labroom.hub_config.exchange.settings import settings_from

    app = create_app(settings_from({"LABROOM_EXCHANGE_FOLDER": str(tmp_path)}))
    open_to_all = ("/health", "/key")
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            codes = set(operation["responses"])
            if not path.endswith(open_to_all):
                assert codes >= {"401", "403", "404", "422", "503"}, (method, path)
            assert operation["description"], (method, path)
    app.state.store.database.close()
