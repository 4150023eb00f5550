"""How the proxy's own certificates get from Secrets Manager to nginx, and to nobody else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.paths import ROOT

SECRET = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:kotei/origin-AbCdEf"
ORIGIN = {"url": "https://origin.example.net", "client_certificate": SECRET}


@pytest.fixture
def certified(variant: Any) -> dict[str, dict[str, Any]]:
    built: dict[str, dict[str, Any]] = variant(origins=[ORIGIN])
    return built


def task(built: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(built["service"]["Resources"]["TaskDefinition"]["Properties"])


def container(built: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = (one for one in task(built)["ContainerDefinitions"] if one["Name"] == name)
    return dict(found)


def reads(built: dict[str, dict[str, Any]]) -> list[str]:
    statements = built["service"]["Resources"]["ExecutionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    return [arn for s in statements if any(a.startswith("secretsmanager:") for a in s["Action"]) for arn in s["Resource"]]


def test_without_certificates_there_is_one_container_and_no_volume(variant: Any) -> None:
    built = variant()
    assert [one["Name"] for one in task(built)["ContainerDefinitions"]] == ["proxy"]
    assert "Volumes" not in task(built)
    assert not {"DependsOn", "MountPoints"} & container(built, "proxy").keys()
    assert reads(built) == []


def test_the_container_of_secrets_gets_each_key_of_each_secret(certified: dict[str, dict[str, Any]]) -> None:
    found = container(certified, "secrets")
    assert found["Command"] == ["/bin/sh", "/etc/nginx/kotei/secrets.sh"]
    assert found["Image"] == container(certified, "proxy")["Image"]
    assert found["Essential"] is False
    assert found["Environment"] == [{"Name": "KOTEI_CLIENT_1_NAME", "Value": "origin_origin_example_net_443"}]
    assert found["Secrets"] == [
        {"Name": "KOTEI_CLIENT_1_CERTIFICATE", "ValueFrom": f"{SECRET}:certificate::"},
        {"Name": "KOTEI_CLIENT_1_PRIVATE_KEY", "ValueFrom": f"{SECRET}:private_key::"},
    ]
    assert reads(certified) == [SECRET]


def test_nginx_starts_after_it_and_cannot_write_its_folder(certified: dict[str, dict[str, Any]]) -> None:
    proxy, secrets = container(certified, "proxy"), container(certified, "secrets")
    assert proxy["DependsOn"] == [{"ContainerName": "secrets", "Condition": "SUCCESS"}]
    assert task(certified)["Volumes"] == [{"Name": "certificates"}]
    mounted = {"SourceVolume": "certificates", "ContainerPath": "/run/kotei"}
    assert (proxy["MountPoints"], secrets["MountPoints"]) == ([{**mounted, "ReadOnly": True}], [{**mounted, "ReadOnly": False}])
    assert not {"Secrets", "Environment"} & proxy.keys()


def test_one_origin_in_two_spellings_is_one_certificate(variant: Any) -> None:
    paths = [{"path": "/files/", "origin": "https://origin.example.net:443"}]
    built = variant(origins=[ORIGIN], sites=[{"host": "api.example.com", "origin": "https://origin.example.net", "paths": paths}])
    assert len(container(built, "secrets")["Secrets"]) == 2


def test_a_secret_of_two_origins_is_read_for_both_and_named_once(variant: Any) -> None:
    origins = [ORIGIN, {"url": "https://files.example.net:8443", "client_certificate": SECRET}]
    built = variant(origins=origins)
    names = [pair["Value"] for pair in container(built, "secrets")["Environment"]]
    assert names == ["origin_origin_example_net_443", "origin_files_example_net_8443"]
    assert reads(built) == [SECRET]


def test_the_script_understands_every_variable_of_the_template(certified: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """Its own rules on names and numbers, asked with what the task gives it; the secrets' values are not what is asked here."""
    found = container(certified, "secrets")
    given = {pair["Name"]: pair["Value"] for pair in found["Environment"]} | {secret["Name"]: "x" for secret in found["Secrets"]}
    script = ROOT / "docker/nginx/secrets.sh"
    said = subprocess.run(["/bin/sh", script], env=given, cwd=tmp_path, capture_output=True, text=True, check=False).stderr
    assert "KOTEI_CLIENT_1_CERTIFICATE" in said
    assert "NAME" not in said
    assert "not understood" not in said
