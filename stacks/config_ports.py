"""Further ports on the fixed addresses, for any protocol: passed through by the name in TLS, or plainly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stacks.config_http_values import Endpoint
from stacks.config_problems import Model, Problem, exactly_one
from stacks.config_values import HostName
from stacks.ports import LISTENER_PORT, container_port

# An ECS service takes five target groups (its guide, multiple target groups); one is that of the sites.
MOST_PORTS = 4


class Port(Model):
    """Exactly one of `origin` and `names`."""

    port: Annotated[int, Field(ge=1, le=65_535)]
    """The port on each fixed address."""
    origin: Endpoint | None = None
    """Where every connection goes, host:port; its bytes are passed on as they are."""
    names: dict[HostName, Endpoint] | None = None
    """TLS name -> host:port. The connection stays encrypted from the client to there; another name is refused."""
    # The load balancer's own limits (NLB guide, tcp.idle_timeout.seconds).
    idle_timeout: Annotated[int, Field(ge=60, le=6000)] = 350
    """Seconds of silence after which a connection is closed."""
    internal: bool = False
    """The addresses of these origins may be private ones."""

    RULES = (exactly_one("origin", "names"),)

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Each host:port, once."""
        named = self.names.values() if self.names else ()
        return tuple(dict.fromkeys((*([self.origin] if self.origin else ()), *named)))


def ports_are_free(ports: tuple[Port, ...]) -> Iterator[Problem]:
    for index, here in enumerate(ports):
        if here.port == LISTENER_PORT:
            yield Problem(("ports", index, "port"), f"{LISTENER_PORT} is the port of the sites; choose another one")
        if here.names is not None and not here.names:
            yield Problem(("ports", index, "names"), "is empty; name a host and where it goes")
        first = next(number for number, other in enumerate(ports) if other.port == here.port)
        if first != index:
            yield Problem(("ports", index, "port"), f"{here.port} is in ports[{first}] already; remove one")
        inside = next(number for number, other in enumerate(ports) if container_port(other.port) == container_port(here.port))
        if inside != index and first == index:
            yield Problem(
                ("ports", index, "port"),
                f"{here.port} and ports[{inside}], {ports[inside].port}, would both be {container_port(here.port)} in a task; "
                "choose another one",
            )
    if len(ports) > MOST_PORTS:
        yield Problem(("ports",), f"has {len(ports)} entries; a service of ECS has room for {MOST_PORTS} beside the sites")
