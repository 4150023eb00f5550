"""One run of the whole bench: what is measured, in which order, how often."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import behaviour, closed_loop, lab, open_loop, os_facts, programs, sites, subjects
from tests.bench.closed_loop import Closed, Row
from tests.bench.open_loop import Level, Open
from tests.bench.results import Results
from tests.bench.sites import Sites
from tests.support.proxy import addresses

Tell = Callable[[str], None]
LAB, SITES = 200, "sites"


@dataclass(frozen=True)
class Load:
    level: Level
    rounds: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    subjects: tuple[str, ...]
    rows: tuple[Row, ...]
    rounds: int
    seconds: int
    loads: tuple[Load, ...]
    sites: tuple[int, ...]
    probes: bool

    @property
    def steps(self) -> int:
        one_round = len(self.subjects)
        return one_round * (len(self.rows) * self.rounds + sum(load.rounds for load in self.loads)) + 2 * len(self.sites) + 1


FULL = Plan(
    subjects=(*subjects.KINDS, subjects.DIRECT),
    rows=(
        *(Row("1 KiB", connections) for connections in (1, 16, 64, 256)),
        *(Row("100 KiB", connections) for connections in (16, 64, 256)),
        Row("10 MiB", 16),
    ),
    rounds=5,
    seconds=2,
    loads=(
        Load(Level("1 KiB", 500), 5, 3),
        Load(Level("1 KiB", 2000), 5, 2),
        Load(Level("1 KiB", 5000), 5, 3),
        Load(Level("100 KiB", 300), 5, 3),
    ),
    sites=(1, 10, 100, 1000),
    probes=True,
)
# Seconds long: that the lab works, not how fast anything is.
QUICK = Plan(
    subjects=("kotei", "baseline"),
    rows=(Row("1 KiB", 16), Row("100 KiB", 16)),
    rounds=1,
    seconds=1,
    loads=(Load(Level("1 KiB", 200), 1, 1),),
    sites=(1, 10),
    probes=False,
)


def run(plan: Plan, command: str, tell: Tell) -> Results:
    taken = datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC")
    machine = os_facts.machine()
    programs.from_debian("wrk")  # without it there is nothing to measure with
    found, skipped = _found(plan)
    names = [name for name in plan.subjects if name not in skipped]
    tell("behaviour")
    compared = behaviour.compare() if plan.probes else []
    with ExitStack() as stack:
        stack.enter_context(os_facts.on(os_facts.REST))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kotei-bench-")))
        places = stack.enter_context(lab.lab(folder, addresses(LAB), [*names, SITES], [sites.CERTIFICATE]))
        running = [stack.enter_context(subjects.running(name, places[name])) for name in names]
        # What is short comes first: what is wrong with the lab or the configuration shows before the long part.
        grown = list(_sites(plan, places[SITES], tell))
        closed = list(_closed(plan, running, tell))
        opened = list(_open(plan, running, tell))
    return Results(
        taken=taken,
        command=command,
        machine=machine,
        versions={name: found[name] for name in names} | {"wrk": programs.from_debian("wrk").version("-v")},
        skipped=skipped,
        closed=closed,
        open=opened,
        sites=grown,
        behaviour=compared,
    )


def _found(plan: Plan) -> tuple[dict[str, str], dict[str, str]]:
    """The version of each subject, or why it cannot be had."""
    versions, skipped = {subjects.DIRECT: programs.nginx().version("-v")}, {}
    for name in plan.subjects:
        if name != subjects.DIRECT:
            try:
                versions[name] = subjects.KINDS[name].version()
            except programs.Missing as missing:
                skipped[name] = str(missing)
    return versions, skipped


def _rounds(rounds: int, running: list[lab.Subject]) -> Iterator[tuple[int, lab.Subject]]:
    """Each round with another one first, so that no subject always follows the same one."""
    for number in range(rounds):
        first = number % len(running)
        for subject in (*running[first:], *running[:first]):
            yield number, subject


def _closed(plan: Plan, running: list[lab.Subject], tell: Tell) -> Iterator[Closed]:
    for row in plan.rows:
        for number, subject in _rounds(plan.rounds, running):
            tell(f"{row.title} connections, round {number + 1}, {subject.name}")
            yield closed_loop.measure(subject, row, number, plan.seconds)


def _open(plan: Plan, running: list[lab.Subject], tell: Tell) -> Iterator[Open]:
    for load in plan.loads:
        for number, subject in _rounds(load.rounds, running):
            tell(f"{load.level.title}, round {number + 1}, {subject.name}")
            yield open_loop.measure(subject, load.level, number, load.seconds)


def _sites(plan: Plan, place: lab.Place, tell: Tell) -> Iterator[Sites]:
    for origins in (sites.ONE, sites.OWN):
        for count in plan.sites:
            tell(f"{count} sites, origins: {origins}")
            yield sites.measure(place, count, origins, plan.loads[0].seconds)
