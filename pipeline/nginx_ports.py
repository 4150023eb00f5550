"""The further ports as nginx serves them: each one origin, or a choice by the name in TLS."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.nginx_words import Checked
from stacks.environment import Environment, Port
from stacks.ports import container_port


@dataclass(frozen=True, kw_only=True)
class StreamOrigin:
    upstream: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class ServedPort:
    """`names` is empty where every connection goes to the one origin."""

    port: int
    listen: int
    idle_timeout: int
    choice: Checked
    names: tuple[tuple[str, StreamOrigin], ...]
    origins: tuple[StreamOrigin, ...]


def served(env: Environment) -> tuple[ServedPort, ...]:
    return tuple(_served(port) for port in sorted(env.ports, key=lambda port: port.port))


def _served(port: Port) -> ServedPort:
    origins = {endpoint: _origin(port, endpoint) for endpoint in port.endpoints}
    return ServedPort(
        port=port.port,
        listen=container_port(port.port),
        idle_timeout=port.idle_timeout,
        choice=Checked(f"$origin_of_port_{port.port}"),
        names=tuple((name, origins[endpoint]) for name, endpoint in sorted((port.names or {}).items())),
        origins=tuple(origins.values()),
    )


def _origin(port: Port, endpoint: str) -> StreamOrigin:
    host, _, number = endpoint.rpartition(":")
    return StreamOrigin(upstream=f"port_{port.port}_{host.replace('.', '_')}_{number}", host=host, port=int(number))
