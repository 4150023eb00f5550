"""Who gets through the load balancer, and whose address the proxy's log names."""

from __future__ import annotations

import json
import tomllib
import uuid

import pytest

from pipeline.local import translate
from tests.support.system import System

pytestmark = pytest.mark.local

STAGING = "stacks/environments/staging.toml"
# In 203.0.113.0/28, the first entry of access.allow, and just outside of it.
CLIENT, STRANGER = "127.0.113.14", "127.0.113.16"


def test_an_address_that_is_not_allowed_gets_no_connection(system: System) -> None:
    for zone in (0, 1):
        assert system.serves(zone=zone, source=CLIENT)
        with pytest.raises(OSError, match=r"reset|EOF|closed|refused"):
            system.get(zone=zone, source=STRANGER)


def test_the_log_names_the_client_while_its_address_is_preserved_and_else_the_load_balancer(system: System) -> None:
    preserved = tomllib.loads((system.clone / STAGING).read_text())["loadbalancer"]["preserve_client_ip"]
    addresses = system.addresses()
    seen = {preserved: _logged(system)}
    words, limit = ("false", "true"), "rate_limit = {"
    system.edit(STAGING, f"preserve_client_ip = {words[preserved]}", f"preserve_client_ip = {words[not preserved]}")
    # A limit for each client is refused where the proxy cannot tell clients apart.
    system.edit(STAGING, *((limit, f"# {limit}") if preserved else (f"# {limit}", limit)))
    system.commit("Turn preserve_client_ip around")
    assert "Staging-Deploy ▸ loadbalancer … ok" in system.push()
    seen[not preserved] = _logged(system)
    interfaces = system.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    nodes = {translate.address(one["PrivateIpAddress"]) for one in interfaces if one["Description"].startswith("ELB net/")}
    assert seen[True] == CLIENT
    assert seen[False] in nodes
    assert system.addresses() == addresses


def _logged(system: System) -> str:
    """The client that the log names for a request of CLIENT."""
    uri = f"/{uuid.uuid4()}"
    assert system.get(uri, source=CLIENT).status == 200

    def line() -> str | None:
        return next((line for line in system.run("local", "logs", "staging").stdout.splitlines() if uri in line), None)

    client: str = json.loads(system.until(line, f"the log to show {uri}"))["client"]
    return client
