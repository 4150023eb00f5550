"""One resource at a time: make, change, replace, put back, remove; every step is remembered and told as an event."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from pipeline import registry_schema as schema
from pipeline.local.cloudformation import changes, permissions, stack_policy
from pipeline.local.cloudformation.resources import HANDLERS
from pipeline.local.cloudformation.resources.handler import Handler, Made, ResourceError, Scope, Stopped
from pipeline.local.cloudformation.stack import Resource, Stack, now, record_event, save
from pipeline.local.protocol import AwsError
from pipeline.local.world import World

# What a resource may fail with; anything else is a fault of the engine and ends the operation.
FAILURES = (ResourceError, ClientError, BotoCoreError, AwsError)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One operation on one stack. The stack's record is this operation's alone while it is busy."""

    world: World
    stack: Stack
    document: Mapping[str, Any]


def reason(failure: BaseException) -> str:
    if isinstance(failure, ClientError):
        error = failure.response["Error"]
        return f'Resource handler returned message: "{error["Message"]}" (Operation: {failure.operation_name}, Code: {error["Code"]})'
    return str(failure)


def scope(run: Run, name: str, resource: Resource) -> Scope:
    def born(result: Made) -> Made:
        resource.id, resource.attributes = result.id, result.attributes
        save(run.world, run.stack)
        return result

    stack = run.stack
    return Scope(world=run.world, account=stack.account, region=stack.region, stack=stack.name, name=name, type=resource.type, born=born)


def handler(type_name: str) -> Handler:
    if type_name not in HANDLERS:
        raise ResourceError(f"Unrecognized resource type: the local CloudFormation has no handler for {type_name}")
    return HANDLERS[type_name]


def note(run: Run, name: str, resource: Resource, status: str, why: str = "") -> None:
    if run.world.closing.is_set():
        raise Stopped
    resource.status, resource.reason, resource.time = status, why, now()
    save(run.world, run.stack)
    record_event(run.world, run.stack, logical=name, resource=resource, status=status, reason=why)


def made(resource: Resource) -> Made:
    return Made(id=resource.id, attributes=resource.attributes)


def bring(run: Run, name: str) -> None:
    """Make the resource what the template says. Raises one of FAILURES after telling it as an event."""
    wanted = run.document["Resources"][name]
    current = run.stack.resources.get(name)
    attempt = Resource(
        type=wanted["Type"],
        metadata=wanted.get("Metadata"),
        deletion_policy=wanted.get("DeletionPolicy", "Delete"),
        replace_policy=wanted.get("UpdateReplacePolicy", "Delete"),
        serial=secrets.token_hex(8),
    )
    try:
        known = handler(attempt.type)
        lookup = changes.names(run.world, run.stack, run.document, run.stack.goal.parameters)
        attempt.properties = changes.properties(wanted, lookup, run.stack.goal.tags)
        _check_properties(known, attempt)
        delta = changes.difference(attempt.type, current.properties, attempt.properties) if current and current.id else None
    except FAILURES as failure:
        subject = current or attempt
        if current is None:
            run.stack.resources[name] = attempt
        note(run, name, subject, "UPDATE_FAILED" if current else "CREATE_FAILED", reason(failure))
        raise
    if current is None or delta is None:
        _create(run, name, known, attempt, "CREATE")
    elif delta.replaces:
        _replace(run, name, known, current, attempt)
    elif delta.changed:
        _modify(run, name, known, current, attempt, delta.changed)
    else:
        current.metadata, current.deletion_policy, current.replace_policy = (
            attempt.metadata,
            attempt.deletion_policy,
            attempt.replace_policy,
        )
        save(run.world, run.stack)


def _check_properties(known: Handler, attempt: Resource) -> None:
    found = schema.load(attempt.type)
    if found is None:
        raise ResourceError(f"Resource type {attempt.type} is not in the CloudFormation registry")
    given = set(attempt.properties)
    if foreign := sorted(given - found.properties):
        raise ResourceError(f"Model validation failed: {attempt.type} has no property {', '.join(foreign)}")
    if missing := sorted(found.required - given):
        raise ResourceError(f"Model validation failed: {attempt.type} requires {', '.join(missing)}")
    if unhandled := sorted(given - known.enforced - known.recorded):
        raise ResourceError(f"the local CloudFormation does not handle {attempt.type}.{', '.join(unhandled)}")


def _create(run: Run, name: str, known: Handler, attempt: Resource, verb: str) -> None:
    run.stack.resources[name] = attempt
    note(run, name, attempt, f"{verb}_IN_PROGRESS")
    where = scope(run, name, attempt)
    try:
        permissions.check(run.world, run.stack, name, attempt, "create")
        result = where.born(known.create(where, attempt.properties))
        if known.settle:
            note(run, name, attempt, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
            known.settle(where, result, attempt.properties)
    except FAILURES as failure:
        note(run, name, attempt, f"{verb}_FAILED", reason(failure))
        raise
    note(run, name, attempt, f"{verb}_COMPLETE")


def _refuse_if_denied(run: Run, name: str, current: Resource, action: str) -> None:
    policy = run.stack.policy_during_update or run.stack.policy
    if why := stack_policy.denial(policy, action, name, current.type):
        note(run, name, current, "UPDATE_FAILED", why)
        raise ResourceError(why)


def refused_removal(run: Run) -> str | None:
    """What the new template no longer has must be deletable under the stack policy: the first that is not (told as an event), or None."""
    for name, current in run.stack.resources.items():
        if name not in run.document["Resources"]:
            try:
                _refuse_if_denied(run, name, current, "Update:Delete")
            except ResourceError:
                return name
    return None


def _replace(run: Run, name: str, known: Handler, current: Resource, attempt: Resource) -> None:
    _refuse_if_denied(run, name, current, "Update:Replace")
    found = schema.load(attempt.type)
    identity = found.name_property if found else None
    if identity and identity in attempt.properties and attempt.properties[identity] == current.properties.get(identity):
        why = (
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {attempt.properties[identity]} and update the stack again."
        )
        note(run, name, current, "UPDATE_FAILED", why)
        raise ResourceError(why)
    note(run, name, current, "UPDATE_IN_PROGRESS", "Requested update requires the creation of a new physical resource; hence creating one.")
    _create(run, name, known, attempt, "UPDATE")


def _modify(run: Run, name: str, known: Handler, current: Resource, attempt: Resource, changed: tuple[str, ...]) -> None:  # noqa: PLR0917  # as _replace, and what differs
    _refuse_if_denied(run, name, current, "Update:Modify")
    if rigid := sorted(set(changed) - known.mutable - known.recorded):
        why = f"the local CloudFormation cannot change {attempt.type}.{', '.join(rigid)} in place"
        note(run, name, current, "UPDATE_FAILED", why)
        raise ResourceError(why)
    attempt.serial = current.serial
    attempt.id, attempt.attributes, attempt.touched = current.id, current.attributes, True
    run.stack.resources[name] = attempt
    change(run, name, known, attempt, current.properties)


def change(run: Run, name: str, known: Handler, resource: Resource, old: dict[str, Any]) -> None:
    """Change `resource` in place from the properties `old` to its own."""
    note(run, name, resource, "UPDATE_IN_PROGRESS")
    where = scope(run, name, resource)
    try:
        permissions.check(run.world, run.stack, name, resource, "update", before=old)
        if known.update:
            result = known.update(where, made(resource), old, resource.properties)
            resource.id, resource.attributes = result.id, result.attributes
        if known.settle:
            known.settle(where, made(resource), resource.properties)
    except FAILURES as failure:
        note(run, name, resource, "UPDATE_FAILED", reason(failure))
        raise
    resource.touched = False
    note(run, name, resource, "UPDATE_COMPLETE")


def remove(run: Run, name: str, resource: Resource) -> bool:
    """Delete a physical resource; False where that failed (told as an event)."""
    if not resource.id:
        return True
    note(run, name, resource, "DELETE_IN_PROGRESS")
    try:
        permissions.check(run.world, run.stack, name, resource, "delete")
        handler(resource.type).delete(scope(run, name, resource), made(resource), resource.properties)
    except FAILURES as failure:
        if not _already_gone(failure):
            note(run, name, resource, "DELETE_FAILED", reason(failure))
            return False
    note(run, name, resource, "DELETE_COMPLETE")
    return True


def _already_gone(failure: BaseException) -> bool:
    """Deleted by hand, or just before the engine was killed."""
    code = failure.response["Error"]["Code"] if isinstance(failure, ClientError) else ""
    return "NotFound" in code or code.startswith("NoSuch")


def bring_in(run: Run, name: str, identifier: Mapping[str, str]) -> None:
    """Take an existing physical resource into the stack under this name."""
    wanted = run.document["Resources"][name]
    lookup = changes.names(run.world, run.stack, run.document, run.stack.goal.parameters)
    resource = Resource(
        type=wanted["Type"],
        properties=changes.properties(wanted, lookup, run.stack.goal.tags),
        metadata=wanted.get("Metadata"),
        deletion_policy=wanted["DeletionPolicy"],
        replace_policy=wanted.get("UpdateReplacePolicy", "Delete"),
        serial=secrets.token_hex(8),
    )
    run.stack.resources[name] = resource
    note(run, name, resource, "IMPORT_IN_PROGRESS", "Resource import started.")
    try:
        if (adopt := handler(resource.type).adopt) is None:
            raise ResourceError(f"the local CloudFormation cannot import {resource.type}")
        scope(run, name, resource).born(adopt(scope(run, name, resource), identifier))
    except FAILURES as failure:
        note(run, name, resource, "IMPORT_FAILED", reason(failure))
        raise
    note(run, name, resource, "IMPORT_COMPLETE", "Resource import completed.")
