"""What the local engine does with each resource type and property: `kotei local coverage`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import registry_schema as schema
from pipeline.local.cloudformation.resources import HANDLERS
from pipeline.local.plane import coverage as plane

PULL_REQUESTS = (
    "A push of a branch that no pipeline follows plays a pull request: webhook filters, the clone and its depth are those of the"
    " project. Whoever pushes here is trusted, so PullRequestBuildPolicy is only recorded; so are ReportBuildStatus (the pusher"
    " reads the result), ConcurrentBuildLimit and QueuedTimeoutInMinutes."
)
ROLES = (
    "Each role is asked for what is done in its name: by builds, by the pipeline's actions and the alarms of its stage conditions, by"
    " CloudFormation for each resource, by ECS for tasks and listeners, by a schedule for the build that it starts. Nothing is"
    " delivered by EventBridge's rules, so the topics' policies for them are not asked. The services' own linked roles are AWS's."
)
SUPPLY = (
    "A signing configuration signs each image with a key of the signing profile that is made here, as whoever pushes it"
    " (signer:SignPayload); DescribeImageSigningStatus says COMPLETE where the signature in the registry verifies with that key. AWS"
    " Signer's certificates are not here, so notation trusts none of it. Statements about an image (SBOM, provenance) tell what this"
    " builder knows: the files that the image adds and the names of its base and arguments, not the packages of the base. Nothing is"
    " scanned; a pull-through cache is only recorded."
)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """`enforced` properties reach the emulated AWS, `recorded` ones are kept and do nothing here, `refused` ones fail the stack by name."""

    type: str
    enforced: tuple[str, ...]
    recorded: tuple[str, ...]
    refused: tuple[str, ...]


def of_type(type_name: str) -> Coverage:
    handler, found = HANDLERS[type_name], schema.load(type_name)
    everything = found.properties - found.read_only if found else frozenset()
    return Coverage(
        type=type_name,
        enforced=tuple(sorted(handler.enforced)),
        recorded=tuple(sorted(handler.recorded)),
        refused=tuple(sorted(everything - handler.enforced - handler.recorded)),
    )


def every() -> tuple[Coverage, ...]:
    return tuple(of_type(name) for name in sorted(HANDLERS))


def gaps(documents: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The types and properties of templates that the local engine would refuse: `Type`, or `Type.Property`."""
    missing = set()
    for document in documents:
        for resource in document["Resources"].values():
            handler = HANDLERS.get(resource["Type"])
            if handler is None:
                missing.add(resource["Type"])
            else:
                unknown = set(resource.get("Properties") or {}) - handler.enforced - handler.recorded
                missing |= {f"{resource['Type']}.{name}" for name in unknown}
    return tuple(sorted(missing))


def text() -> str:
    """One paragraph a type; what is not named fails the stack with a reason."""
    lines = ["What the local CloudFormation does with each property. One that is not listed fails the stack by name.", ""]
    for one in every():
        lines += [one.type, f"  enforced   {', '.join(one.enforced)}"]
        lines += [f"  recorded   {', '.join(one.recorded)}"] if one.recorded else []
    return "\n".join([*lines, "", PULL_REQUESTS, "", ROLES, "", SUPPLY, "", *plane.lines()]) + "\n"
