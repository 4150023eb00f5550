"""A small valid configuration of its own, so that no test depends on what people write into the real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from pipeline.aws import Aws, Target
from stacks.environment import ConfigError
from stacks.project import load

Files = dict[str, dict[str, Any]]

ENVIRONMENT = {
    "name": "test",
    "project": "demo",
    "account": "111122223333",
    "region": "ap-northeast-1",
    "pipeline_account": "111122223333",
    "approval": "risky",
    "deploy_window": {"cron": "* * 9-17 ? * MON-FRI"},
    "alarm_email": "team@example.com",
    "network": {"create": {"cidr": "10.1.0.0/16", "zones": {"a": "10.1.0.0/24", "c": "10.1.1.0/24"}}},
    "addresses": {},
    "access": {
        "allow": [
            {"cidr": "203.0.113.0/28", "note": "Example Bank"},
            {"cidr": "198.51.100.0/24", "note": "例示銀行 (Example Bank's VPN)", "expires": date(2030, 1, 31)},
        ]
    },
    "certificate": {"arn": "arn:aws:acm:ap-northeast-1:111122223333:certificate/00000000-1111-2222-3333-444444444444"},
    "loadbalancer": {"cross_zone": True},
    "service": {"cpu": 256, "memory": 512, "min_tasks": 2, "max_tasks": 4, "on_demand_base": 1, "spot_percent": 50},
    "sites": [
        {
            "host": "api.example.com",
            "aliases": ["partner.example.com"],
            "origin": "https://origin.example.net",
            "paths": [
                {"path": "/files/", "origin": "https://files.example.net:8443"},
                {"path": "/admin/", "deny": True},
            ],
            "rate_limit": {"requests_per_second": 50, "burst": 100},
        },
        {"host": "stream.example.com", "origin": "https://stream.example.net", "websocket": True},
    ],
}
PIPELINE = {
    "project": "demo",
    "account": "111122223333",
    "region": "ap-northeast-1",
    "environments": ["test"],
    "repository": {"name": "example-org/demo"},
}


@pytest.fixture(scope="session")
def valid() -> Callable[[], Files]:
    """File -> content, a new copy at every call."""
    return lambda: deepcopy({"pipeline/pipeline.toml": PIPELINE, "stacks/environments/test.toml": ENVIRONMENT})


@pytest.fixture(scope="session")
def toml() -> Callable[[dict[str, Any]], str]:
    def value(given: Any) -> str:
        if isinstance(given, dict):
            return f"{{{', '.join(f'{json.dumps(key)} = {value(item)}' for key, item in given.items())}}}"
        if isinstance(given, list):
            return f"[{', '.join(map(value, given))}]"
        # TOML's strings, numbers and booleans are written as JSON's; JSON leaves DEL alone, TOML does not.
        return str(given) if isinstance(given, date) else json.dumps(given).replace("\x7f", "\\u007f")

    return lambda table: "".join(f"{json.dumps(key)} = {value(item)}\n" for key, item in table.items())


@pytest.fixture(scope="session")
def change() -> Callable[[dict[str, Any], dict[str, Any]], None]:
    """Sets what dotted paths name (`sites.0.host`), or takes it away where the new value is None, which TOML does not have."""

    def apply(table: dict[str, Any], edits: dict[str, Any]) -> None:
        for path, value in edits.items():
            *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
            place: Any = table
            for step in parents:
                place = place[step]
            if value is None:
                del place[last]
            else:
                place[last] = deepcopy(value)

    return apply


@pytest.fixture
def judge(
    valid: Callable[[], Files], change: Callable[..., None], checkout: Callable[[Files], Path]
) -> Callable[[dict[str, Any]], list[str]]:
    """The problems of the sample environment with these changes, without the name of its file."""

    def problems(edits: dict[str, Any]) -> list[str]:
        file, files = "stacks/environments/test.toml", valid()
        change(files[file], edits)
        try:
            load(checkout(files), today=date(2030, 1, 1))
        except ConfigError as error:
            found = error.problems
        else:
            return []
        assert all(problem.startswith(f"{file}: ") for problem in found), found
        return [problem.removeprefix(f"{file}: ") for problem in found]

    return problems


@pytest.fixture
def checkout(tmp_path: Path, toml: Callable[[dict[str, Any]], str]) -> Callable[[Files], Path]:
    """Writes files and returns the folder that holds them."""

    def write(files: Files) -> Path:
        for name, table in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(toml(table), encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return Aws(target=Target(endpoint="http://127.0.0.1:9", why="test"), account="111122223333", region="ap-northeast-1")


@pytest.fixture
def answers(aws: Aws) -> Iterator[Callable[..., None]]:
    """`answers(service, operation, answer, expected parameters)`; every prepared answer must be used."""
    stubs: dict[str, Stubber] = {}

    def add(service: str, operation: str, answer: dict[str, Any] | str, expected: dict[str, Any] | None = None) -> None:
        if service not in stubs:
            stubs[service] = Stubber(aws._client(service))
            stubs[service].activate()
        if isinstance(answer, str):
            stubs[service].add_client_error(operation, answer, "told by the test", expected_params=expected)
        else:
            stubs[service].add_response(operation, answer, expected)

    yield add
    for stub in stubs.values():
        stub.assert_no_pending_responses()
