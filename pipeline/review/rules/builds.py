"""What builds trust: their image, role, commands, and whose pull requests they run. One sentence for each change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review.grants import plain
from pipeline.review.read import items, mapping, mappings, text

# How far a pull request of somebody unknown gets without a comment of one of the team. CodeBuild's own default asks for all of them.
APPROVAL = ("DISABLED", "FORK_PULL_REQUESTS", "ALL_PULL_REQUESTS")
LOOSE = {
    "DISABLED": "runs the code of anybody's pull request without asking",
    "FORK_PULL_REQUESTS": "runs pull requests of the repository itself without asking; those of forks still wait for a comment",
}


def changes(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = mapping(before.get("Environment")), mapping(after.get("Environment"))
    if old.get("Image") != new.get("Image"):
        yield f"{name} runs in another image: {plain(text(new.get('Image')))} (it was {plain(text(old.get('Image')))})"
    if text(new.get("PrivilegedMode")) == "true" and text(old.get("PrivilegedMode")) != "true":
        yield f"{name} runs privileged: its commands get the host's devices and may start containers"
    if text(before.get("ServiceRole")) != text(after.get("ServiceRole")):
        yield f"{name} acts as another role: {plain(text(after.get('ServiceRole')))} (it was {plain(text(before.get('ServiceRole')))})"
    yield from _source(name, mapping(before.get("Source")), mapping(after.get("Source")))
    was, becomes = _variables(old), _variables(new)
    if changed := sorted(key for key in becomes if was.get(key) != becomes[key]):
        yield f"{name} gets other variables: {', '.join(changed)}"
    yield from triggers(name, mapping(before.get("Triggers")), mapping(after.get("Triggers")))


def _source(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old.get("BuildSpec") != new.get("BuildSpec"):
        yield f"{name} runs other commands: {_shown(new.get('BuildSpec'))} (it was {_shown(old.get('BuildSpec'))})"
    places = [plain(" ".join(text(one[key]) for key in ("Type", "Location") if key in one)) for one in (old, new)]
    if places[0] != places[1]:
        yield f"{name} takes its source from elsewhere: {places[1] or 'nowhere'} (it was {places[0] or 'nowhere'})"


def triggers(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """`old` is empty for a project that is new."""
    if text(new.get("Webhook")) != "true":
        return
    was, becomes = _policy(old) if text(old.get("Webhook")) == "true" else APPROVAL[-1], _policy(new)
    if _rank(becomes) < _rank(was):
        yield f"{name} {LOOSE.get(becomes, f'asks for no known approval of pull requests ({becomes})')}"
    roles = _roles(new) - _roles(old)
    if old and roles and becomes != APPROVAL[0]:
        yield f"{name} trusts more people to start it from a pull request: {', '.join(sorted(roles))}"
    if old and text(old.get("FilterGroups")) != text(new.get("FilterGroups")):
        yield f"{name} is started by other events of the Git host"


def _policy(settings: Mapping[str, Any]) -> str:
    return text(mapping(settings.get("PullRequestBuildPolicy")).get("RequiresCommentApproval", APPROVAL[-1]))


def _roles(settings: Mapping[str, Any]) -> set[str]:
    return {text(one) for one in items(mapping(settings.get("PullRequestBuildPolicy")).get("ApproverRoles"))}


def _rank(policy: str) -> int:
    return APPROVAL.index(policy) if policy in APPROVAL else -1


def _variables(environment: Mapping[str, Any]) -> dict[str, str]:
    return {text(one.get("Name")): text(one) for one in mappings(environment.get("EnvironmentVariables"))}


def _shown(buildspec: Any) -> str:
    """A path, or commands written out in the template."""
    words = text(buildspec) if buildspec is not None else "buildspec.yml"
    return "commands in the template" if "\n" in words or words.startswith("{") else words
