"""What stands for the origins, and the name server that leads there: all of them at one address, those of further ports at their own."""

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
    """What the tasks speak to, as (name, port). `streamed` names get an address of their own: plain TCP tells no name."""

    tls: frozenset[Endpoint] = frozenset()
    tcp: frozenset[Endpoint] = frozenset()
    certified: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    streamed: frozenset[str] = frozenset()


@dataclass
class StandIns:
    """`address` is where a name leads that has no address of its own."""

    home: Path
    address: str
    names: dns.NameServer
    echoes: dict[Endpoint, echo.Echo] = field(default_factory=dict)

    def ensure(self, wanted: Wanted, standing: Standing) -> None:
        own = {name: self._own(name) for name in wanted.streamed}
        if wanted.tls:
            reached = {(own[name], translate.port(port)): f"{name}:{port}" for name, port in sorted(wanted.tls) if name in wanted.streamed}
            # Also at the common address, which tasks may still know of a name that has just got its own.
            common = {(self.address, translate.port(port)) for _, port in wanted.tls}
            certificate = certificates.issued(self.home, wanted.certified | {name for name, _ in wanted.tls})
            standing.ensure(
                origins.config(
                    standing.folder,
                    listen=sorted(common | set(reached)),
                    certificate=certificate,
                    reached=reached,
                    asking=sorted(wanted.shown),
                    authority=certificates.authority(self.home),
                )
            )
        self._echo({(own[name], translate.port(port)): f"{name}:{port}" for name, port in sorted(wanted.tcp)})
        self.names.own = own

    def stop(self) -> None:
        self._echo({})
        self.names.stop()

    def _echo(self, greetings: dict[Endpoint, str]) -> None:
        for endpoint in [endpoint for endpoint, found in self.echoes.items() if greetings.get(endpoint) != found.greeting]:
            self.echoes.pop(endpoint).stop()
        for endpoint, greeting in greetings.items():
            if endpoint not in self.echoes:
                self.echoes[endpoint] = echo.serve(endpoint, greeting)

    def _own(self, name: str) -> str:
        digest = hashlib.sha256(f"{self.home.resolve()} {name}".encode()).digest()
        return f"127.78.{digest[0]}.{digest[1] or 1}"


def wanted(tasks: Iterable[Task]) -> Wanted:
    living = [task for task in tasks if task.living]
    origins_of = [origin for task in living for origin in task.origins]
    # Whoever speaks TLS to an endpoint says what it is; a plain port in front of it passes that TLS on.
    tls = {(name, port) for name, port, *kind in origins_of if kind in ([], [TLS])}
    return Wanted(
        tls=frozenset(tls),
        tcp=frozenset((name, port) for name, port, *_ in origins_of if (name, port) not in tls),
        certified=frozenset(name for task in living for name in task.certified),
        shown=frozenset(name for task in living for name in task.shown),
        streamed=frozenset(name for task in living for name in task.streamed),
    )
