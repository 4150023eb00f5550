"""What the data plane reads in a container's configuration and task definition, and what it makes of it for the stand-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.local.plane import configuration, init_containers, stand_ins
from pipeline.local.plane.configuration import Facts
from pipeline.local.plane.execution import FailedToStartError
from pipeline.local.plane.tasks import Task

TEXT = """
http {
    upstream one { server one.example.net:443 resolve; }
    upstream grpc { server calls.example.net:8443 resolve; server 10.0.0.1:443; }
    server { server_name "" _; }
    server {
        server_name a.example.com *.b.example.com ~^c$;
        location / { proxy_pass https://one; proxy_ssl_name $host; }
        location /files/ { proxy_ssl_name files.internal.example; proxy_ssl_certificate /run/kotei/f.pem; proxy_pass https://one; }
        location /calls/ { grpc_ssl_name calls.example.net; grpc_pass grpcs://grpc; }
    }
}
stream {
    server { listen 127.0.0.1:8053 udp; proxy_pass 169.254.169.253:53; }
    upstream plain { server db.example.net:5432 resolve max_fails=0; }
    upstream mqtt { server mqtt.example.net:8883 resolve; }
    map $server_port $listener_port { 20022 22; }
    map $ssl_preread_server_name $origin { hostnames; default ""; mqtt.example.com mqtt; *.mqtt.example.com mqtt; }
    server { listen 5432; proxy_pass plain; }
    server { listen 8883; ssl_preread on; proxy_pass $origin; }
}
"""


def test_the_configuration_says_whom_it_speaks_to_and_how(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text(TEXT)
    assert configuration.read(tmp_path) == Facts(
        hosts=("a.example.com", "*.b.example.com"),
        origins=(
            ("one.example.net", 443, "tls"),
            ("calls.example.net", 8443, "tls"),
            ("db.example.net", 5432, "tcp"),
            ("mqtt.example.net", 8883, "tls"),
        ),
        certified=("files.internal.example", "calls.example.net", "mqtt.example.com", "*.mqtt.example.com"),
        shown=("files.internal.example",),
    )


def task(*origins: list[Any], stage: str = "running") -> Task:
    names: dict[str, Any] = dict.fromkeys(
        ("arn", "account", "region", "service", "service_name", "cluster_arn", "deployment", "definition", "zone"), "x"
    )
    return Task(**names, provider=None, stage=stage, origins=list(origins))


def test_an_endpoint_that_anybody_speaks_tls_to_speaks_it() -> None:
    tasks = [
        task(["a", 443, "tcp"], ["db", 5432, "tcp"]),
        task(["a", 443, "tls"], ["old", 8443]),
        task(["gone", 1, "tls"], stage="stopped"),
    ]
    wanted = stand_ins.wanted(tasks)
    assert wanted == stand_ins.Wanted(tls=frozenset({("a", 443), ("old", 8443)}), tcp=frozenset({("db", 5432)}))


def test_each_origin_has_an_address_of_its_own_on_each_engine(tmp_path: Path) -> None:
    found = {stand_ins.address(home, name) for home in (tmp_path, tmp_path / "other") for name in ("a.example", "b.example")}
    assert len(found) == 4
    assert all(address.startswith("127.77.") for address in found)


def definition(*others: dict[str, Any], essential: bool = False, depends: str = "SUCCESS") -> dict[str, Any]:
    after = [{"containerName": other["name"], "condition": depends} for other in others]
    proxy = {"name": "proxy", "image": "i", "essential": True, "dependsOn": after}
    return {"containers": [proxy, *({"image": "i", "essential": essential, **other} for other in others)]}


SCRIPT = {"name": "first", "command": ["/bin/sh", "/first.sh"], "mountPoints": [{"containerPath": "/run/kotei"}]}


def run(folder: Path, text: str, found: dict[str, Any]) -> dict[str, int]:
    (folder / "root" / "run" / "kotei").mkdir(parents=True)
    (folder / "root" / "first.sh").write_text(text)
    ended: dict[str, int] = {}
    init_containers.run(found, folder, {"first": {"A": "b"}}, ended)
    return ended


def test_a_script_finds_its_volume_and_nothing_of_this_computers_environment(tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    text = "cd /run/kotei && env | grep -v -e ^PWD -e ^_= -e ^PATH -e ^SHLVL -e ^OLDPWD >said; echo /run/kotei-2 /x/run/kotei >>said"
    assert run(folder, text, definition(SCRIPT)) == {"first": 0}
    assert (folder / "root" / "run" / "kotei" / "said").read_text() == "A=b\n/run/kotei-2 /x/run/kotei\n"


def test_a_script_may_ask_the_image_for_nginx(tmp_path: Path) -> None:
    text = """cd /run/kotei && echo 'events {} stream { server { listen unix:/run/kotei/socket; return x; } }' >conf
        nginx -t -q -e stderr -p /run/kotei -g "pid /run/kotei/pid; error_log stderr;" -c /run/kotei/conf"""
    assert run(tmp_path / ("x" * 80), text, definition(SCRIPT)) == {"first": 0}


def test_a_script_that_does_not_end_is_killed_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init_containers, "LONGEST_SECONDS", 0.3)
    with pytest.raises(init_containers.DependencyError, match="no end within"):
        run(tmp_path, "(sleep 60; echo late >/run/kotei/late) & echo $! >/run/kotei/child; wait", definition(SCRIPT))
    child = (tmp_path / "root" / "run" / "kotei" / "child").read_text().strip()
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (definition(SCRIPT, depends="HEALTHY"), "only when nginx waits for its end"),
        (definition({**SCRIPT, "command": ["/bin/sh", "/no.sh"]}), "shell scripts of the image only"),
        (definition({**SCRIPT, "command": ["python", "/first.sh"]}), "shell scripts of the image only"),
        (definition({**SCRIPT, "command": []}), "an empty command"),
        (definition(SCRIPT, essential=True), "2 essential containers"),
    ],
)
def test_what_cannot_run_before_nginx_is_named(found: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(FailedToStartError, match=message):
        run(tmp_path, "true", found)
