"""Certificates: for which hosts clients still get one that names them, and what waits for a new one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import partial
from typing import Any

from pipeline.review.model import Change, Comparison, Finding, Side
from pipeline.review.read import anew, both_sides, items, mappings, origin, properties, resources_of, standing, text
from pipeline.review.resource_types import CERTIFICATE, LISTENER
from pipeline.review.rules.rule import Rule, about

_about = partial(about, topic="clients")


def replaced(comparison: Comparison) -> Iterator[Finding]:
    """Clients are shown another certificate."""
    made_anew = anew(comparison, CERTIFICATE)
    for change in comparison.of_type(CERTIFICATE):
        if change.replaces:
            yield _about(change, "certificate-replaced", "risky", _anew(comparison, change), _mend(comparison, change))
    after = standing(comparison)
    for change in comparison.of_type(LISTENER):
        old = _shown(comparison.before, change.stack, change.old_id)
        new = _shown(after, change.stack, change.logical_id)
        # One that is made anew, or goes, is told of where that happens.
        if old and new and old != new and not set(new) <= made_anew and not _nameless(new):
            names = f"{', '.join(old)} -> {', '.join(new)}"
            why = f"{change.logical_id} shows another certificate ({names}): clients of hosts that it does not name are refused"
            yield _about(change, "certificate-replaced", "risky", why, "compare the names of both, and that the new one is issued, first")


def _anew(comparison: Comparison, change: Change) -> str:
    missing = _missing(comparison, change)
    lost = f"; clients of {', '.join(missing)} get one that does not name their host" if missing else ""
    kept = ", the old one stays" if change.retained else ""
    why = "and the deployment waits until DNS has proved its names (minutes with a hosted zone, else until somebody writes the records)"
    return f"ACM issues {change.logical_id} anew{kept}, {why}{lost}"


def _mend(comparison: Comparison, change: Change) -> str:
    return f"keep {', '.join(_missing(comparison, change))} among its names" if _missing(comparison, change) else ""


def _missing(comparison: Comparison, change: Change) -> list[str]:
    old, new = (_names(one) for one in both_sides(comparison, change))
    return sorted(name for name in old if not _covered(name, new))


def _names(certificate: Mapping[str, Any]) -> set[str]:
    return {text(name).lower() for name in (*items(certificate.get("DomainName")), *items(certificate.get("SubjectAlternativeNames")))}


def _covered(name: str, names: Collection[str]) -> bool:
    """A star stands for one label."""
    return name in names or f"*.{name.partition('.')[2]}" in names


def removed(comparison: Comparison) -> Iterator[Finding]:
    """A certificate goes."""
    after = standing(comparison)
    for change in comparison.of_type(CERTIFICATE):
        if change.action != "remove":
            continue
        gone = f"{change.stack}/{change.logical_id}"
        shows = [
            name
            for stack, name, _ in resources_of(comparison.before, LISTENER)
            if gone in _shown(comparison.before, stack, name) and _nameless(_shown(after, stack, name))
        ]
        if shows:
            why = f"{change.logical_id} goes, and {', '.join(shows)} still shows it: its stack asks for what no stack hands on"
            yield _about(change, "certificate-removed", "blocked", why, "let the listener show another certificate first")


def _nameless(shown: list[str]) -> bool:
    """A parameter that no stack hands on."""
    return any("${" in one for one in shown)


def _shown(side: Side, stack: str, name: str) -> list[str]:
    listed = mappings(properties(side.stacks.get(stack), name).get("Certificates"))
    return [origin(side, stack, one["CertificateArn"]) for one in listed if "CertificateArn" in one]


RULES: tuple[Rule, ...] = (
    Rule(
        "certificate-replaced", replaced, "AWS::CertificateManager::Certificate, createOnlyProperties; validated by itself in Route 53 only"
    ),
    Rule(
        "certificate-removed",
        removed,
        "ACM DeleteCertificate: not while another AWS service uses it; parameters are outputs of the same name",
    ),
)
