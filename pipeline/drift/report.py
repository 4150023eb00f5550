"""Drift as text and as a document. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pipeline.drift import rules, ways
from pipeline.drift.model import Drift, Found, PropertyDrift
from pipeline.drift.words import apart
from pipeline.review.read import text as words

STANDS = {
    "as deployed": "says what was deployed",
    "as live": "says what is live: the next deployment makes it so (git push)",
    "otherwise": "says something else again",
    "gone": "has no such resource any more: the next deployment removes it",
}
LONGEST_VALUE = 160


def text(found: Found, region: str, *, everything: bool = False) -> str:
    return "\n".join(_lines(found, region, everything=everything)) + "\n"


def summary(found: Found) -> str:
    """One line: what a notification begins with."""
    gone = f"; deleted: {', '.join(found.missing)}" if found.missing else ""
    if found.open:
        names = ", ".join(one.place for one in found.open)
        return f"drift of {found.owner}: {len(found.open)} of {found.checked} resources differ from what was deployed: {names}{gone}"
    known = f", {len(found.drifts)} accepted" if found.drifts else ""
    unknown = f"; not all could be compared: {', '.join(sorted(found.unchecked))}" if found.unchecked else ""
    return f"drift of {found.owner}: none in {found.checked} resources{known}{gone}{unknown}"


def _lines(found: Found, region: str, *, everything: bool) -> Iterator[str]:
    yield summary(found)
    for why in found.missing.values():
        yield f"{why}, and Git wants it: kotei apply {found.owner} --import takes back what AWS kept of it; then: kotei release"
    for drift in found.open:
        yield ""
        yield from _drift(drift, region)
    for drift in found.drifts:
        if drift.accepted:
            yield ""
            yield f"{drift.place} ({drift.type}): {drift.accepted}"
    yield from _rest(found, everything=everything)


def _drift(drift: Drift, region: str) -> Iterator[str]:
    state = {"deleted": "; it is gone", "beside": "; no template has it"}.get(drift.kind, "")
    yield f"{drift.place} ({drift.type} {drift.physical_id}){state}"
    for finding in drift.findings:
        yield f"  {finding.verdict:<8} {finding.text} [{finding.rule}]"
    for one in drift.properties:
        yield from _property(drift, one)
    yield "  then one of"
    names, cannot = f"{drift.owner} {drift.place}", ways.cannot(drift)
    if as_live := bool(drift.properties) and all(one.stands == "as live" for one in drift.properties):
        yield "    deploy   git push"
    if "revert" not in cannot:
        yield f"    revert   kotei drift revert {names}"
    for command in (*rules.commands(drift, region), *ways.by_hand(drift, region)):
        yield f"    {'by hand  ' if 'revert' in cannot else '         or only this, at once: '}{command}"
    if "adopt" not in cannot and not as_live:
        yield f"    adopt    kotei drift adopt {names}"
    yield f'    accept   kotei drift accept {names} --owner "..." --reason "..." --expires YYYY-MM-DD'
    yield from (f"    no {way:<6} {why}" for way, why in cannot.items())


def _property(drift: Drift, one: PropertyDrift) -> Iterator[str]:
    yield f"  {one.name}"
    if drift.kind == "beside":
        yield f"    live           {_short(one.live)}"
        return
    found = next(((added, gone) for named, added, gone in rules.lists(drift) if named is one), None)
    if found:
        yield from (f"    live only      {rules.sentence(rule)}" for rule in found[0])
        yield from (f"    deployed only  {rules.sentence(rule)}" for rule in found[1])
    else:
        live, deployed = apart(one.live, one.deployed)
        yield f"    live           {_short(live)}"
        yield f"    deployed       {_short(deployed)}"
    yield f"    Git            {STANDS[one.stands]}" + (f": {_short(one.git)}" if one.stands == "otherwise" else "")


def _short(value: Any) -> str:
    said = "(not there)" if value is None else words(value)
    return said if len(said) <= LONGEST_VALUE else f"{said[:LONGEST_VALUE]}... (--json has all of it)"


def _rest(found: Found, *, everything: bool) -> Iterator[str]:
    for stack, why in found.unchecked.items():
        yield f"not all known: stack {stack}: {why}"
    yield from found.unused
    if found.ahead:
        yield f"not deployed yet, which is no drift: {', '.join(found.ahead)}; see: kotei plan {found.owner}"
    if everything:
        yield from (f"no drift: {one.stack}/{one.logical_id} {one.property}: {one.reason}" for one in found.ignored)
        yield from (f"not compared by AWS: {kind}: {', '.join(places)}" for kind, places in found.unsupported.items())
    elif found.ignored or found.unsupported:
        places = sum(len(one) for one in found.unsupported.values())
        yield f"left out (--all tells): {len(found.ignored)} differences that are none, {places} resources that AWS does not compare"


def document(found: Found) -> dict[str, Any]:
    # Through JSON's text: what YAML read may hold what JSON has no word for.
    drifts = [
        {**asdict(one), "place": one.place, "verdict": one.verdict, "value": one.value, "cannot": ways.cannot(one)} for one in found.drifts
    ]
    result: dict[str, Any] = json.loads(json.dumps({**asdict(found), "drifts": drifts, "summary": summary(found)}, default=str))
    return result
