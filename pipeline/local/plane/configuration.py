"""What a container's nginx configuration serves and whom it speaks to, read from the files that are in the image."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane

Block = Sequence[dict[str, Any]]
TLS, TCP = "tls", "tcp"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """`origins`: name, port, and how they are spoken to. `certified`: names that an origin's certificate has to hold.

    `shown`: those of them to which a certificate is shown.
    """

    hosts: tuple[str, ...]
    origins: tuple[tuple[str, int, str], ...]
    certified: tuple[str, ...]
    shown: tuple[str, ...]


@functools.lru_cache(maxsize=32)
def read(folder: Path) -> Facts:
    """Every `*.conf` below the folder. An unpacked image never changes, so it is read once."""
    blocks = [_parsed(path) for path in sorted(folder.rglob("*.conf"))]
    http = [item for block in blocks for item in _all(block, "http")]
    stream = [item for block in blocks for item in _all(block, "stream")]
    by_name = _chosen_by_name(stream)
    passed = [(*server, TLS if upstream in by_name else TCP) for upstream, server in _upstreams(stream)]
    return Facts(
        hosts=_unique(name for item in _each(http, "server_name") for name in item["args"] if name and name[0] not in "_~"),
        origins=_unique([*((*server, TLS) for _, server in _upstreams(http)), *passed]),
        certified=_unique([*_ssl_names(http), *(name for names in by_name.values() for name in names)]),
        shown=_unique(_shown(http)),
    )


def _parsed(path: Path) -> Block:
    # What is wrong in it is nginx's to say.
    found = crossplane.parse(str(path), single=True, comments=False, check_ctx=False, check_args=False)
    block: Block = found["config"][0]["parsed"]
    return block


def _all(block: Block, directive: str) -> Iterator[dict[str, Any]]:
    return (item for item in block if item["directive"] == directive)


def _each(items: Sequence[dict[str, Any]], directive: str) -> Iterator[dict[str, Any]]:
    """The directive at any depth."""
    for item in items:
        for inner in item.get("block", ()):
            if inner["directive"] == directive:
                yield inner
            yield from _each([inner], directive)


def _upstreams(items: Sequence[dict[str, Any]]) -> Iterator[tuple[str, tuple[str, int]]]:
    """(upstream, (name, port)) of the servers that are looked up by name."""
    for upstream in _each(items, "upstream"):
        for server in _all(upstream["block"], "server"):
            name, _, port = server["args"][0].partition(":")
            if "resolve" in server["args"]:
                yield upstream["args"][0], (name, int(port or 80))


def _ssl_names(items: Sequence[dict[str, Any]]) -> Iterator[str]:
    for module in ("proxy", "grpc"):
        yield from (item["args"][0] for item in _each(items, f"{module}_ssl_name") if "$" not in item["args"][0])


def _shown(items: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Names of origins in whose locations a certificate is set."""
    for location in _each(items, "location"):
        if any(item["directive"] in ("proxy_ssl_certificate", "grpc_ssl_certificate") for item in location["block"]):
            yield from _ssl_names([location])


def _chosen_by_name(items: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Upstream -> the names in TLS that lead to it."""
    found: dict[str, list[str]] = {}
    for choice in _each(items, "map"):
        if choice["args"][0] == "$ssl_preread_server_name":
            for entry in choice["block"]:
                if entry["directive"] != "default" and entry["args"]:
                    found.setdefault(entry["args"][0], []).append(entry["directive"])
    return found


def _unique(values: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))
