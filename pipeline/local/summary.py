"""What a person needs to know at the end of `kotei local up`: the addresses, a request that works, who is waited for."""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.local import translate
from stacks.environment import Environment

# A client that is inside a small network and is neither its first nor its last address.
CLIENT_NUMBER = 5


def lines(environments: Sequence[Environment], live: Mapping[str, Mapping[str, str]], home: Path, asked: Sequence[str]) -> Iterator[str]:
    """`live`: outputs of the deployed stacks by environment, none where nothing serves yet; `asked`: owners that wait for a person."""
    for env in environments:
        outputs = live.get(env.name, {})
        addresses = [outputs[f"PublicIp{zone.upper()}"] for zone in env.zones if f"PublicIp{zone.upper()}" in outputs]
        yield ""
        if not addresses:
            yield f"{env.name}: not deployed yet"
            continue
        yield f"{env.name}: {' '.join(addresses)}"
        yield f"  {curl(env, addresses[0], home)}"
        for further in env.ports:
            where = f"{translate.address(addresses[0])}:{translate.port(further.port)}"
            yield f"  port {further.port}: {where}, from {client(env)}, goes to {', '.join(further.endpoints)}"
    for owner in asked:
        yield ""
        yield f"{owner} waits for a person: kotei approve {owner}   (or: kotei reject {owner})"
    yield ""
    yield "deploy again: git push local HEAD:main   state: kotei local status   stop: make down"


def client(env: Environment) -> str:
    """An address of the first client that is let in, as this computer stands for it."""
    allowed = "127.0.0.0/8" if env.access.open else translate.network(env.access.allow[0].cidr)
    network = ipaddress.ip_network(allowed)
    return str(network[min(CLIENT_NUMBER, network.num_addresses - 1)])


def curl(env: Environment, address: str, home: Path) -> str:
    host = env.sites[0].host
    authority = home / "ca.pem"
    shown = authority.relative_to(Path.cwd()) if authority.is_relative_to(Path.cwd()) else authority
    target = f"::{translate.address(address)}:{translate.port(443)}"
    return shlex.join(["curl", "--interface", client(env), "--cacert", str(shown), "--connect-to", target, f"https://{host}/"])


def outputs(stacks: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for stack in stacks for output in stack.get("Outputs", ())}
