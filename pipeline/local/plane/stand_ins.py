"""What stands for the origins, each at an address of its own, so that also plain TCP tells which one was reached."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.local import translate
from pipeline.local.plane import certificates, dns, echo, origins
from pipeline.local.plane.configuration import TLS

if TYPE_CHECKING:
    from pipeline.local.plane.standing import Standing
    from pipeline.local.plane.tasks import Task

Endpoint = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the tasks speak to, as (name, port); which names certificates hold, and to which of them the tasks show theirs."""

    tls: frozenset[Endpoint] = frozenset()
    tcp: frozenset[Endpoint] = frozenset()
    certified: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()


@dataclass
class StandIns:
    home: Path
    names: dns.NameServer
    echoes: dict[Endpoint, echo.Echo] = field(default_factory=dict)

    def ensure(self, wanted: Wanted, standing: Standing) -> None:
        if wanted.tls:
            text = origins.config(
                standing.folder,
                endpoints=self._places(wanted.tls),
                certificate=certificates.issued(self.home, wanted.certified | {name for name, _ in wanted.tls}),
                asking=sorted(wanted.shown),
                authority=certificates.authority(self.home),
            )
            standing.ensure(text)
        self._echo(self._places(wanted.tcp))

    def stop(self) -> None:
        self._echo({})
        self.names.stop()

    def _echo(self, greetings: dict[Endpoint, str]) -> None:
        for endpoint in [endpoint for endpoint, found in self.echoes.items() if greetings.get(endpoint) != found.greeting]:
            self.echoes.pop(endpoint).stop()
        for endpoint, greeting in greetings.items():
            if endpoint not in self.echoes:
                self.echoes[endpoint] = echo.serve(endpoint, greeting)

    def _places(self, wanted: Iterable[Endpoint]) -> dict[Endpoint, str]:
        return {(address(self.home, name), translate.port(port)): f"{name}:{port}" for name, port in sorted(wanted)}


def address(home: Path, name: str) -> str:
    """Known before anything speaks to it; another engine of this computer has other ones."""
    digest = hashlib.sha256(f"{home.resolve()} {name}".encode()).digest()
    return f"127.77.{digest[0]}.{digest[1] or 1}"


def wanted(tasks: Iterable[Task]) -> Wanted:
    living = [task for task in tasks if task.living]
    spoken_to = [origin for task in living for origin in task.origins]
    # Whoever speaks TLS to an endpoint says what it is; a plain port in front of it passes that TLS on.
    tls = {(name, port) for name, port, *kind in spoken_to if kind in ([], [TLS])}
    return Wanted(
        tls=frozenset(tls),
        tcp=frozenset((name, port) for name, port, *_ in spoken_to if (name, port) not in tls),
        certified=frozenset(name for task in living for name in task.certified),
        shown=frozenset(name for task in living for name in task.shown),
    )
