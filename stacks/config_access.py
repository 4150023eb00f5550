"""Who may connect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from stacks.config_problems import Model, Problem
from stacks.config_values import Cidr, OneLine, Several, network

MOST_RULES = 60  # inbound rules of a security group; AWS raises it only on request
WIDEST_CLIENT = 8  # a wider network is effectively everybody


class AccessEntry(Model):
    """Clients that may connect."""

    cidr: Cidr
    """The clients' public IPv4 network."""
    note: OneLine
    """Who that is, for the next person; it is shown on the rule in AWS."""
    expires: date | None = None
    """The last day of this permission. After it the next deployment stops until the entry is renewed or removed."""


def open_or_closed(allow: tuple[AccessEntry, ...], open: bool) -> Iterator[Problem]:  # noqa: A002, FBT001 the key's name in the file
    if open and allow:
        yield Problem(("allow",), "says nothing while access.open = true lets everybody in; remove one of the two")
    if not open and not allow:
        yield Problem(("allow",), "is empty, so nobody can connect; list who may, with cidr and note")


def open_has_a_reason(open: bool, reason: str) -> Iterator[Problem]:  # noqa: A002, FBT001 the key's name in the file
    if open and not reason.strip():
        yield Problem(("reason",), "is missing: access.open = true lets the whole internet in; say why")


def reason_is_one_line(reason: str) -> Iterator[Problem]:
    if not reason.isprintable():
        yield Problem(("reason",), "holds a control character; write one plain line")


def group_has_room(allow: tuple[AccessEntry, ...]) -> Iterator[Problem]:
    if len(allow) > MOST_RULES:
        yield Problem(("allow",), f"has {len(allow)} entries; a security group takes {MOST_RULES}, so join neighbouring networks")


def clients_are_some(allow: tuple[AccessEntry, ...]) -> Iterator[Problem]:
    networks = [network(entry.cidr) for entry in allow]
    for index, client in enumerate(networks):
        path = ("allow", index, "cidr")
        if client.prefixlen < WIDEST_CLIENT:
            yield Problem(
                path,
                f"'{client}' lets {client.num_addresses} addresses in; the widest network is a /{WIDEST_CLIENT}. "
                "To let everybody in, set access.open = true with a reason",
            )
        for earlier, other in enumerate(networks[:index]):
            if client == other:
                yield Problem(path, f"'{client}' is in access.allow[{earlier}] already; remove one")
            elif client.overlaps(other):
                wide, narrow = (other, client) if client.subnet_of(other) else (client, other)
                yield Problem(path, f"'{client}' overlaps access.allow[{earlier}]: '{wide}' holds '{narrow}' already; remove one")


def permissions_are_current(allow: tuple[AccessEntry, ...], today: date) -> Iterator[Problem]:
    for index, entry in enumerate(allow):
        if entry.expires and entry.expires < today:
            yield Problem(
                ("allow", index, "expires"),
                f"{entry.expires} is over ({entry.cidr}, {entry.note}); renew the date or remove the entry",
            )


class Access(Model):
    """Who may connect: `allow`, or with `open` everybody."""

    allow: Several[AccessEntry] = ()
    """The clients that may connect, at most 60 networks."""
    open: bool = False
    """Let the whole internet in."""
    reason: str = ""
    """Why the whole internet may connect; needed with `open`."""

    RULES = (
        (("allow", "open"), open_or_closed),
        (("open", "reason"), open_has_a_reason),
        (("reason",), reason_is_one_line),
        (("allow",), group_has_room),
        (("allow",), clients_are_some),
        (("allow", "today"), permissions_are_current),
    )
