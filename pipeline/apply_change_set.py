"""One stack by change set: made, looked at, executed, watched, protected. What the plan did not say stops it before anything changes."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import live, stuck
from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.stack_events import Event, Watch, busy, follow, last, read, sentence
from pipeline.template_text import document
from pipeline.template_upload import BODY_LIMIT, handed_over

Say = Callable[[str], None]
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# As CloudFormation words it for a template that is the same, and for parameters that are.
NOTHING = ("didn't contain changes", "No updates are to be performed")
DESCRIPTION_LIMIT = 1024
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A stack as its rendered files want it.

    `files` is their path without ending; `listed` are the logical ids that the plan replaces or removes.
    """

    owner: str
    name: str
    files: Path
    parameters: Mapping[str, str]
    role: str = ""
    protected: bool = False
    listed: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Template:
    body: str
    document: Mapping[str, Any]
    tags: Mapping[str, str]
    policy: Mapping[str, Any]
    fixed: Mapping[str, str] = field(default_factory=dict)


def load(files: Path) -> Template:
    template, settings = files.with_suffix(".yaml"), files.with_suffix(".json")
    if missing := [str(file) for file in (template, settings) if not file.is_file()]:
        raise PipelineError(f"{', '.join(missing)} is missing; run: kotei render")
    found = json.loads(settings.read_text(encoding="utf-8"))
    text = template.read_text(encoding="utf-8")
    parsed = document(text)
    return Template(body=fitting(text, parsed), document=parsed, tags=found["Tags"], policy=found["StackPolicy"], fixed=found["Parameters"])


def fitting(text: str, parsed: Mapping[str, Any]) -> str:
    """CloudFormation takes this much in a call; the same template without its spaces is about a quarter shorter."""
    return text if len(text.encode()) <= BODY_LIMIT else json.dumps(parsed, separators=(",", ":"))


def refuse_stuck(aws: Aws, wanted: Wanted, found: Mapping[str, Any]) -> None:
    if found["StackStatus"] != "REVIEW_IN_PROGRESS" and (way := explain(aws, found, wanted.owner)):
        raise PipelineError(str(way))


def explain(aws: Aws, found: Mapping[str, Any], owner: str) -> stuck.Stuck | None:
    """Asks for events and resources only where they are needed."""
    if found["StackStatus"] in stuck.HEALTHY:
        return None
    resources = list(aws.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=found["StackId"]))
    return stuck.way_out(found, read(aws, found["StackId"]), resources, owner)


def bring(aws: Aws, wanted: Wanted, say: Say, watch: Watch, note: str = "") -> dict[str, str]:
    """The stack is as its files want it; returns its outputs. What is finished already is left alone, so it can be called again."""
    template = load(wanted.files)
    found = settle(aws, wanted.name, say, watch)
    if found is not None:
        refuse_stuck(aws, wanted, found)
    change_set = _make(aws, wanted, template, new=found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS", note=note)
    if change_set is None:
        say(f"stack {wanted.name}: no change")
    else:
        _refuse_unlisted(aws, wanted, change_set, fresh=found is None)
        execute(aws, wanted.owner, change_set, say, watch)
    return protect(aws, wanted, template, say)


def settle(aws: Aws, name: str, say: Say, watch: Watch) -> dict[str, Any] | None:
    """The stack once nobody works on it: what a killed run began goes on in AWS, and is waited for."""
    found = live.describe(aws, name)
    if found is None or found["StackStatus"] == "DELETE_COMPLETE":
        return None
    if busy(found["StackStatus"]):
        say(f"stack {name} is {found['StackStatus']}: waiting for that to end")
        follow(aws, found["StackId"], last(aws, found["StackId"]), watch)
        found = live.describe(aws, name)
    return found


@dataclass(frozen=True, kw_only=True)
class ChangeSet:
    id: str
    stack_id: str
    name: str
    stack: str
    changes: Sequence[Mapping[str, Any]]
    new: bool


def _make(aws: Aws, wanted: Wanted, template: Template, *, new: bool, note: str) -> ChangeSet | None:
    declared = template.document.get("Parameters") or {}
    values = {name: value for name, value in {**template.fixed, **wanted.parameters}.items() if name in declared}
    if missing := sorted(name for name, rule in declared.items() if name not in values and "Default" not in rule):
        raise PipelineError(f"stack {wanted.name}: no earlier stack has an output named {', '.join(missing)}; deploy those before it first")
    request = {
        "TemplateBody": template.body,
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in sorted(values.items())],
        "Tags": [{"Key": name, "Value": value} for name, value in template.tags.items()],
        "ChangeSetType": "CREATE" if new else "UPDATE",
    }
    return make(aws, wanted, request, note)


def make(aws: Aws, wanted: Wanted, request: Mapping[str, Any], note: str) -> ChangeSet | None:
    """None where it holds no change: it is deleted again."""
    # A name of its own: deleting one of the same name takes AWS a while.
    name = f"kotei-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    with handed_over(aws, wanted.name, request) as given:
        answer = aws.call(
            "cloudformation",
            "create_change_set",
            StackName=wanted.name,
            ChangeSetName=name,
            Description=(note or f"kotei apply {wanted.owner}")[:DESCRIPTION_LIMIT],
            Capabilities=CAPABILITIES,
            **given,
            **({"RoleARN": wanted.role} if wanted.role else {}),
        )
    wait = 0.1
    while (found := aws.call("cloudformation", "describe_change_set", ChangeSetName=answer["Id"]))["Status"] not in (
        "CREATE_COMPLETE",
        "FAILED",
    ):
        time.sleep(wait)
        wait = min(wait * 1.5, 3.0)
    if found["Status"] == "FAILED":
        reason = found.get("StatusReason", "no reason given")
        aws.call("cloudformation", "delete_change_set", ChangeSetName=answer["Id"])
        if any(text in reason for text in NOTHING):
            return None
        raise PipelineError(f"stack {wanted.name}: CloudFormation refuses the change: {reason}")
    return ChangeSet(
        id=answer["Id"],
        stack_id=answer["StackId"],
        name=name,
        stack=wanted.name,
        changes=[one["ResourceChange"] for one in _pages(aws, answer["Id"], found)],
        new=request["ChangeSetType"] == "CREATE",
    )


def _pages(aws: Aws, change_set: str, first: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    page = first
    while True:
        yield from (one for one in page["Changes"] if one.get("Type", "Resource") == "Resource")
        if "NextToken" not in page:
            return
        page = aws.call("cloudformation", "describe_change_set", ChangeSetName=change_set, NextToken=page["NextToken"])


def unlisted(changes: Sequence[Mapping[str, Any]], listed: frozenset[str]) -> list[str]:
    """In words: what it removes or replaces (or may replace) and no plan said so."""
    found = []
    for change in changes:
        name = f"{change['LogicalResourceId']} ({change['ResourceType']})"
        if change["LogicalResourceId"] in listed:
            continue
        if change["Action"] == "Remove":
            found.append(f"removes {name}")
        elif change.get("Replacement") in ("True", "Conditional"):
            found.append(f"{'replaces' if change['Replacement'] == 'True' else 'may replace'} {name}")
    return found


def _refuse_unlisted(aws: Aws, wanted: Wanted, change_set: ChangeSet, *, fresh: bool) -> None:
    if not (found := unlisted(change_set.changes, wanted.listed)):
        return
    discard(aws, change_set, fresh=fresh)
    raise PipelineError(
        f"stack {wanted.name}: stopped before anything changed: CloudFormation's change set {', '.join(found)}, and the plan does not say "
        f"so. The change set is deleted. Look at it: kotei plan {wanted.owner}; was the stack changed by hand? "
        f"aws cloudformation detect-stack-drift --stack-name {wanted.name}"
    )


def discard(aws: Aws, change_set: ChangeSet, *, fresh: bool) -> None:
    aws.call("cloudformation", "delete_change_set", ChangeSetName=change_set.id)
    if fresh:
        # A stack that holds nothing but a change set that is gone.
        aws.call("cloudformation", "delete_stack", StackName=change_set.stack_id)


def execute(aws: Aws, owner: str, change_set: ChangeSet, say: Say, watch: Watch) -> None:
    number = len(change_set.changes)
    said = f"{'creating' if change_set.new else 'changing'} {number} resource{'' if number == 1 else 's'}"
    say(f"stack {change_set.stack}: {said}")
    before = last(aws, change_set.stack_id)
    try:
        aws.call("cloudformation", "execute_change_set", ChangeSetName=change_set.id, ClientRequestToken=change_set.name)
    except RefusedError as refused:
        raise PipelineError(f"stack {change_set.stack}: {refused}") from refused
    found, events = follow(aws, change_set.stack_id, before, watch)
    if found["StackStatus"] not in GOOD:
        raise PipelineError(failure(aws, owner, found, events))
    say(f"stack {change_set.stack}: {found['StackStatus']}")


def failure(aws: Aws, owner: str, found: Mapping[str, Any], events: Sequence[Event]) -> str:
    """The cause first, then the state, then the way out."""
    text = f"stack {found['StackName']}: {sentence(events)}. It is {found['StackStatus']} now"
    way = explain(aws, found, owner)
    return f"{text}\n{way}" if way else f"{text}: everything is as it was before; mend the cause and run this command again"


def protect(aws: Aws, wanted: Wanted, template: Template, say: Say) -> dict[str, str]:
    """The stack policy and termination protection, which no template can say; returns the outputs.

    Also for a stack that did not change: a killed run may have left it without.
    """
    found = live.describe(aws, wanted.name)
    if found is None:
        raise PipelineError(f"stack {wanted.name} is gone; run this command again")
    if live.policy(aws, wanted.name) != template.policy:
        aws.call("cloudformation", "set_stack_policy", StackName=wanted.name, StackPolicyBody=json.dumps(template.policy))
    if wanted.protected and not found.get("EnableTerminationProtection"):
        aws.call("cloudformation", "update_termination_protection", StackName=wanted.name, EnableTerminationProtection=True)
        say(f"stack {wanted.name}: termination protection is on")
    return live.outputs(found)
