"""Everything that judges a change, in one table."""

from __future__ import annotations

from pipeline.review.rules import (
    access,
    addresses,
    balancer,
    base,
    capacity,
    certificates,
    delivery,
    ledger,
    listeners,
    network,
    permissions,
    resources,
    service,
    shifts,
    sites,
    stacks,
    storage,
)
from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (
        addresses,
        ledger,
        balancer,
        network,
        listeners,
        certificates,
        access,
        sites,
        service,
        shifts,
        delivery,
        base,
        permissions,
        capacity,
        storage,
        stacks,
        resources,
    )
    for rule in module.RULES
)
