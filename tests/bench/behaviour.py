"""What each probe of tests/nginx/probes sees at the rendered proxy and at the baseline.

Probes mostly wait, so each subject is probed by several processes side by side, and each of those has a lab of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import os_facts
from tests.bench.lab import CONFIGS
from tests.nginx.probes import ALL, SAYS
from tests.nginx.probes.lab import Lab, configuration, lab
from tests.nginx.probes.probe import HOST, ORIGIN_HOST, Probe
from tests.nginx.probes.run import run
from tests.support.http_client import TRAFFIC
from tests.support.nginx_process import nginx
from tests.support.proxy import addresses, proxy

LOOPBACK, KOTEI, BASELINE = 160, 1, 2
SHARES = 4
PATIENCE = 900


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What came of a probe, and what of that is not as it should be."""

    probe: str
    why: str
    expected: str
    kotei: str
    kotei_unmet: str
    baseline: str
    baseline_unmet: str


def compare() -> list[Compared]:
    found: dict[str, dict[str, tuple[str, str]]] = {"kotei": {}, "baseline": {}}
    running = [(name, _start(name, share)) for name in found for share in range(SHARES)]
    for name, process in running:
        said, complaints = process.communicate(timeout=PATIENCE)
        if process.returncode:
            raise RuntimeError(f"probes against {name}: {complaints}")
        found[name] |= json.loads(said)
    return [_compared(probe, found) for probe in ALL]


def _start(name: str, share: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.bench.behaviour", name, str(share)]
    with os_facts.on(set(os_facts.CORES)):
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _compared(probe: Probe, found: dict[str, dict[str, tuple[str, str]]]) -> Compared:
    (kotei, kotei_unmet), (baseline, baseline_unmet) = found["kotei"][probe.name], found["baseline"][probe.name]
    return Compared(
        probe=probe.name,
        why=probe.why,
        expected=str(probe.expect),
        kotei=kotei,
        kotei_unmet=kotei_unmet,
        baseline=baseline,
        baseline_unmet=baseline_unmet,
    )


def _outcomes(name: str, share: int) -> dict[str, tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="kotei-probes-") as folder, lab(addresses(LOOPBACK), Path(folder), SAYS) as laboratory:
        start = _kotei if name == "kotei" else _baseline
        with start(laboratory) as address:
            return {probe.name: _outcome(probe, address) for probe in ALL[share::SHARES]}


def _outcome(probe: Probe, address: str) -> tuple[str, str]:
    try:
        outcome = run(probe, address)
    except AssertionError as error:  # it does not get to the origin any more
        return str(error), str(error)
    return str(outcome), probe.expect.unmet(outcome)


@contextmanager
def _kotei(laboratory: Lab) -> Iterator[str]:
    at = laboratory.net[KOTEI]
    url = f"{HOST.decode()}/"
    with proxy(configuration(), laboratory.folder / "kotei", at, laboratory.names, laboratory.authority, urls=[url]) as running:
        yield running.address


@contextmanager
def _baseline(laboratory: Lab) -> Iterator[str]:
    text = (CONFIGS / "baseline.conf").read_text().replace("@address@", laboratory.net[BASELINE])
    text = text.replace("@origin_name@", ORIGIN_HOST.decode()).replace("@resolver@", f"{laboratory.names.address}:{laboratory.names.port}")
    folder = laboratory.folder / "baseline"
    (folder / "html").mkdir(parents=True)
    (folder / "html" / "50x.html").write_text("An error occurred.\n")
    laboratory.folder.chmod(0o755)  # started by root, nginx reads that page as nobody
    with nginx(text, folder, laboratory.net[BASELINE], TRAFFIC) as running:
        yield running.address


if __name__ == "__main__":
    json.dump(_outcomes(sys.argv[1], int(sys.argv[2])), sys.stdout)
