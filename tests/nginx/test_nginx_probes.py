"""Every probe against the rendered proxy, and every kind of probe against something that has to fail at it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from tests.nginx.probes import ALL, SAYS
from tests.nginx.probes.breaks import BREAKS, Break
from tests.nginx.probes.expect import NotServed, Refused
from tests.nginx.probes.lab import Lab, configuration, lab
from tests.nginx.probes.probe import HOST, Probe
from tests.nginx.probes.relay import relay
from tests.nginx.probes.run import run
from tests.support.proxy import Proxy, addresses, proxy

pytestmark = pytest.mark.nginx
URL = f"{HOST.decode()}/"
BY_NAME = {probe.name: probe for probe in ALL}
# Some of those that are about something not to be let through.
ATTACKS = [probe for probe in ALL if isinstance(probe.expect, Refused | NotServed) and not probe.name.startswith("slow")][::6]


def _parameter(probe: Probe) -> object:
    marks = [pytest.mark.xfail(reason=probe.missing, strict=True)] if probe.missing else []
    return pytest.param(probe, id=probe.name, marks=marks)


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(addresses(40), tmp_path_factory.mktemp("probes"), SAYS) as running:
        yield running


@pytest.fixture(scope="session")
def probed(laboratory: Lab) -> Iterator[Proxy]:
    at = laboratory.net[1]
    with proxy(configuration(), laboratory.folder / "kotei", at, laboratory.names, laboratory.authority, urls=[URL]) as running:
        yield running


def test_names_are_unique_and_reasons_are_given() -> None:
    assert len(BY_NAME) == len(ALL)
    assert len(SAYS) == sum(1 for probe in ALL if probe.says)
    assert [probe.name for probe in ALL if not probe.why] == []


@pytest.mark.parametrize("probe", [_parameter(probe) for probe in ALL])
def test_probe(probed: Proxy, probe: Probe) -> None:
    outcome = run(probe, probed.address)
    assert probe.expect.unmet(outcome) == "", f"{probe.why}; {outcome}"


@pytest.mark.parametrize("broken", [pytest.param(broken, id=broken.name) for broken in BREAKS])
def test_broken_configuration_is_noticed(laboratory: Lab, broken: Break) -> None:
    text = broken.applied(configuration())
    # One address for all: a test has ended its proxy before the next one begins.
    at, folder = laboratory.net[2], laboratory.folder / broken.name.replace(" ", "-").replace("/", "-")
    with proxy(text, folder, at, laboratory.names, laboratory.authority, urls=[URL]) as running:
        probes = [dataclasses.replace(BY_NAME[name], patience=2) for name in broken.seen_by]
        met = [probe.name for probe in probes if not probe.expect.unmet(run(probe, running.address))]
    assert met == []


def test_relay_lets_every_attack_through(laboratory: Lab) -> None:
    with relay(laboratory.net[3], laboratory.net[10], laboratory.authority):
        attacks = [dataclasses.replace(probe, patience=0.1) for probe in ATTACKS]
        refused = [probe.name for probe in attacks if not probe.expect.unmet(run(probe, laboratory.net[3]))]
    assert refused == []
