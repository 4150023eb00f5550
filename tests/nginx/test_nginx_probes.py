"""Every probe against the rendered proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.nginx.probes import ALL, SAYS
from tests.nginx.probes.lab import Lab, configuration, lab
from tests.nginx.probes.probe import HOST, Probe
from tests.nginx.probes.run import run
from tests.support.proxy import Proxy, addresses, proxy

pytestmark = pytest.mark.nginx
URL = f"{HOST.decode()}/"


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
    names = [probe.name for probe in ALL]
    assert sorted(set(names)) == sorted(names)
    assert len(SAYS) == sum(1 for probe in ALL if probe.says)
    assert [probe.name for probe in ALL if not probe.why] == []


@pytest.mark.parametrize("probe", [_parameter(probe) for probe in ALL])
def test_probe(probed: Proxy, probe: Probe) -> None:
    outcome = run(probe, probed.address)
    assert probe.expect.unmet(outcome) == "", f"{probe.why}; {outcome}"
