"""What somebody wants to see of the log, as a filter pattern of CloudWatch Logs and as what a pattern cannot say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from pipeline.errors import PipelineError

# A request has a method, a connection on a further port has a port; nginx's own messages have neither.
EVERYTHING = "($.method = *) || ($.port = *)"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, kw_only=True)
class Question:
    """Empty or None: whatever it is."""

    clients: IPv4Network | IPv6Network | None = None
    site: str = ""
    status: str = ""
    slower: float | None = None
    refused: bool = False


def asked(*, client: str, site: str, status: str, slow: float | None, refused: bool) -> Question:
    """From a command's options. Raises PipelineError for what means nothing."""
    if status and not re.fullmatch(r"[1-5]xx|\d{1,3}", status):
        raise PipelineError(f"--status {status}: give one status (404) or a class of them (5xx)")
    if site and not re.fullmatch(r"[\w.*-]+", site, re.ASCII):
        raise PipelineError(f"--site {site}: give the host that clients ask for (api.example.com, *.example.com)")
    return Question(clients=_network(client) if client else None, site=site.lower(), status=status, slower=slow, refused=refused)


def seconds(text: str) -> int:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise PipelineError(f"--since {text}: give a number with s, m, h or d (15m, 2h, 1d)")
    return int(found[1]) * SECONDS[found[2]]


def pattern(question: Question) -> str:
    """Lets everything through that is wanted; of clients more where their network ends inside of a number."""
    parts = list(_parts(question))
    if not parts:
        return f"{{ {EVERYTHING} }}"
    return f"{{ {' && '.join(f'({part})' for part in parts)} }}"


def wanted(question: Question, line: dict[str, Any]) -> bool:
    """The rest of the question: networks, which no pattern can say."""
    if question.clients is None:
        return True
    try:
        return ip_address(str(line.get("client", ""))) in question.clients
    except ValueError:
        return False


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise PipelineError(f"--client {text}: {error}; give an address or a network (203.0.113.0/24)") from error


def _parts(question: Question) -> Iterator[str]:
    if question.clients is not None:
        yield from _clients(question.clients)
    if question.site:
        # A pattern knows a wildcard only outside of quotes.
        yield f"$.host = {question.site}" if "*" in question.site else f'$.host = "{question.site}"'
    if question.status.endswith("xx"):
        first = int(question.status[0]) * 100
        yield f"$.status >= {first}"
        yield f"$.status < {first + 100}"
    elif question.status:
        yield f"$.status = {int(question.status)}"
    if question.slower is not None:
        yield f"$.request_time >= {question.slower:g}"
    if question.refused:
        # An empty text has no letter.
        yield "$.refused = %[a-z]%"


def _clients(network: IPv4Network | IPv6Network) -> Iterator[str]:
    if network.num_addresses == 1:
        yield f'$.client = "{network.network_address}"'
    elif isinstance(network, IPv4Network) and (whole := network.prefixlen // 8):
        yield f"$.client = {'.'.join(str(network.network_address).split('.')[:whole])}.*"
    else:
        # An IPv6 address is written in many ways, so its beginning says little.
        yield "$.client = *"
