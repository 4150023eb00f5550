"""The operations on a stack from start to end: create, update, delete, and the way back when something fails or the engine was killed."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Iterable

from pipeline.local.cloudformation import apply, changes, hooks, intrinsics, template, workers
from pipeline.local.cloudformation.apply import FAILURES, Run
from pipeline.local.cloudformation.resources.handler import Stopped
from pipeline.local.cloudformation.stack import Goal, Leftover, Resource, Stack, every, now, record_event, save, set_status
from pipeline.local.world import World

log = logging.getLogger(__name__)

UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}

# Where an operation ends when the engine itself has a fault: states from which AWS lets one go on or delete.
BROKEN = {
    "CREATE": "CREATE_FAILED",
    "ROLLBACK": "ROLLBACK_FAILED",
    "UPDATE": "UPDATE_ROLLBACK_FAILED",
    "DELETE": "DELETE_FAILED",
    "IMPORT": "IMPORT_ROLLBACK_FAILED",
}


def launch(world: World, stack: Stack, work: Callable[[World, Stack], None]) -> None:
    """Run `work` in the stack's thread."""

    def guarded() -> None:
        try:
            work(world, stack)
        except Stopped:
            log.info("stack %s: left at %s, the engine stops", stack.name, stack.status)
        except Exception as fault:
            log.exception("stack %s: fault of the engine", stack.name)
            set_status(world, stack, BROKEN[stack.status.split("_", 1)[0]], f"fault of the local engine: {fault!r}")

    workers.start(stack.id, guarded)


def refuse_unless_updatable(stack: Stack) -> None:
    if stack.status not in UPDATABLE:
        raise template.invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def begin_update(world: World, stack: Stack, goal: Goal) -> None:
    """Accept an update; the caller holds workers.BEGIN."""
    stack.previous, stack.goal = stack.goal, goal
    stack.before = copy.deepcopy(stack.resources)
    stack.updated = now()
    set_status(world, stack, "UPDATE_IN_PROGRESS", "User Initiated")


def _run(world: World, stack: Stack, goal: Goal | None = None) -> Run:
    body = (goal or stack.goal).body
    return Run(world=world, stack=stack, document=template.parse(body) if body else {"Resources": {}})


def create(world: World, stack: Stack) -> None:
    run = _run(world, stack)
    stack.order = template.order(run.document)
    why = hooks.refusal(world, stack, "CREATE")
    if why is None:
        failed = _bring_all(run)
        if failed is None:
            _complete(run, "CREATE_COMPLETE")
            return
        why = f"The following resource(s) failed to create: [{failed}]."
    if stack.on_failure == "DO_NOTHING":
        set_status(world, stack, "CREATE_FAILED", why)
        return
    set_status(world, stack, "ROLLBACK_IN_PROGRESS", f"{why} Rollback requested by user.")
    roll_back_create(world, stack)


def _bring_all(run: Run) -> str | None:
    """The logical name of the first resource that failed, or None."""
    for name in run.stack.order:
        try:
            apply.bring(run, name)
        except FAILURES as failure:
            log.info("stack %s: %s: %s", run.stack.name, name, failure)
            return name
    return None


def _complete(run: Run, status: str) -> None:
    """Compute the outputs and end well."""
    stack = run.stack
    lookup = changes.names(run.world, stack, run.document, stack.goal.parameters)
    stack.outputs = {
        name: {"value": str(intrinsics.resolve(output["Value"], lookup)), "description": output.get("Description", "")}
        for name, output in (run.document.get("Outputs") or {}).items()
    }
    if status == "UPDATE_COMPLETE":
        stack.policy = stack.policy_after_update or stack.policy
    stack.policy_during_update = stack.policy_after_update = ""
    stack.previous, stack.before, stack.leftovers, stack.skip = None, {}, [], []
    for resource in stack.resources.values():
        resource.touched = False
    set_status(run.world, stack, status)


def roll_back_create(world: World, stack: Stack) -> None:
    left = _remove_all(_run(world, stack), lambda _, resource: resource.deletion_policy == "Retain" and not stack.retain_except_on_create)
    if left:
        set_status(world, stack, "ROLLBACK_FAILED", left)
        return
    set_status(world, stack, "ROLLBACK_COMPLETE")
    if stack.on_failure == "DELETE":
        set_status(world, stack, "DELETE_IN_PROGRESS")
        delete(world, stack)


def _remove_all(run: Run, kept: Callable[[str, Resource], bool]) -> str:
    """What could not be removed, in CloudFormation's words."""
    stack, failed = run.stack, []
    for name in _newest_first(stack.order, stack.resources):
        resource = stack.resources[name]
        if kept(name, resource):
            apply.note(run, name, resource, "DELETE_SKIPPED")
        elif not apply.remove(run, name, resource):
            failed.append(name)
            continue
        del stack.resources[name]
    return f"The following resource(s) failed to delete: [{', '.join(failed)}]." if failed else ""


def _newest_first(order: Iterable[str], names: Iterable[str]) -> list[str]:
    rank = {name: position for position, name in enumerate(order)}
    return sorted(names, key=lambda name: rank.get(name, len(rank)), reverse=True)


def update(world: World, stack: Stack) -> None:
    """`stack.goal` is the new aim; `previous` and `before` were set when the operation was accepted."""
    run = _run(world, stack)
    order_before = stack.order
    stack.order = template.order(run.document)
    why = hooks.refusal(world, stack, "UPDATE")
    if why is None and (failed := apply.refused_removal(run) or _bring_all(run)):
        why = f"The following resource(s) failed to update: [{failed}]."
    if why is not None:
        if stack.on_failure == "DO_NOTHING":
            set_status(world, stack, "UPDATE_FAILED", why)
            return
        set_status(world, stack, "UPDATE_ROLLBACK_IN_PROGRESS", why)
        roll_back_update(world, stack)
        return
    stack.leftovers = _replaced_or_removed(run, order_before)
    set_status(world, stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    clean(world, stack)


def _replaced_or_removed(run: Run, order: list[str]) -> list[Leftover]:
    """Former physical resources; those with a Retain policy are let go and told.

    What goes is deleted in the reverse of the order in which the former template made it.
    """
    stack, gone = run.stack, []
    for name in _newest_first(order, stack.before):
        former = stack.before[name]
        current = stack.resources.get(name)
        if name not in run.document["Resources"]:
            del stack.resources[name]
            policy = former.deletion_policy
        elif current is not None and current.serial != former.serial:
            policy = current.replace_policy
        else:
            continue
        if policy.startswith("Retain"):
            apply.note(run, name, former, "DELETE_SKIPPED")
        else:
            gone.append(Leftover(name=name, resource=former))
    return gone


def clean(world: World, stack: Stack) -> None:
    """Delete what is left over and end the operation. As in AWS a failure here leaves an event, not a failed stack."""
    run = _run(world, stack)
    while stack.leftovers:
        leftover = stack.leftovers[0]
        apply.remove(run, leftover.name, leftover.resource)
        stack.leftovers.pop(0)
        save(world, stack)
    _complete(run, stack.status.replace("_CLEANUP_IN_PROGRESS", ""))


def roll_back_update(world: World, stack: Stack) -> None:
    """Put every resource back to what it was; former physical resources are still there, since nothing was cleaned up yet."""
    run = _run(world, stack, stack.previous)
    order = template.order(run.document)
    for name in order:
        try:
            _put_back(run, name)
        except FAILURES as failure:
            why = f"The following resource(s) failed to update: [{name}]. {apply.reason(failure)}"
            set_status(world, stack, "UPDATE_ROLLBACK_FAILED", why)
            return
    _let_go(run)
    rank = {name: position for position, name in enumerate(stack.order)}
    stack.leftovers.sort(key=lambda leftover: rank.get(leftover.name, len(rank)), reverse=True)
    stack.goal, stack.order = stack.previous or stack.goal, order
    set_status(world, stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    clean(world, stack)


def _put_back(run: Run, name: str) -> None:
    stack = run.stack
    former, current = stack.before[name], stack.resources.get(name)
    if name in stack.skip:
        apply.note(run, name, current or former, "UPDATE_COMPLETE", "skipped on request")
    elif current is None or current.serial != former.serial:
        if current is not None:
            stack.leftovers.append(Leftover(name=name, resource=current))
        stack.resources[name] = former
        apply.note(run, name, former, "UPDATE_COMPLETE")
    elif current.touched or current.properties != former.properties:
        stack.resources[name] = Resource(**{**vars(former), "touched": True})
        try:
            apply.change(run, name, apply.handler(former.type), stack.resources[name], current.properties)
        except FAILURES:
            stack.resources[name] = current
            raise
    else:
        stack.resources[name] = former


def _let_go(run: Run) -> None:
    """What the failed update had added: kept where its policy says Retain, otherwise left over."""
    stack = run.stack
    for name in [name for name in stack.resources if name not in stack.before]:
        resource = stack.resources.pop(name)
        if resource.deletion_policy == "Retain" and resource.id and not stack.retain_except_on_create:
            apply.note(run, name, resource, "DELETE_SKIPPED")
        else:
            stack.leftovers.append(Leftover(name=name, resource=resource))


def bring_in(world: World, stack: Stack) -> None:
    """Import: resources that exist become the stack's; nothing is made or changed."""
    run = _run(world, stack)
    stack.order = template.order(run.document)
    for name in [one for one in stack.order if one in stack.imports]:
        try:
            apply.bring_in(run, name, stack.imports[name])
        except FAILURES as failure:
            for imported in stack.imports:
                stack.resources.pop(imported, None)
            stack.goal, stack.imports = stack.previous or Goal(), {}
            set_status(world, stack, "IMPORT_ROLLBACK_IN_PROGRESS", f"{name}: {apply.reason(failure)}")
            set_status(world, stack, "IMPORT_ROLLBACK_COMPLETE")
            return
    stack.imports = {}
    _complete(run, "IMPORT_COMPLETE")


def delete(world: World, stack: Stack) -> None:
    left = _remove_all(_run(world, stack), lambda name, resource: resource.deletion_policy.startswith("Retain") or name in stack.skip)
    if left:
        set_status(world, stack, "DELETE_FAILED", left)
        return
    stack.outputs, stack.leftovers, stack.skip = {}, [], []
    stack.deleted = now()
    set_status(world, stack, "DELETE_COMPLETE")


def resume(world: World) -> None:
    """After the engine was killed: what was under way is rolled back, what was ending is ended; an event says so."""
    for stack in every(world):
        if not stack.busy:
            continue
        status, why = stack.status, "the local engine stopped during this operation"
        if status == "CREATE_IN_PROGRESS":
            set_status(world, stack, "ROLLBACK_IN_PROGRESS", f"{why}; rolling back")
            launch(world, stack, roll_back_create)
        elif status == "UPDATE_IN_PROGRESS":
            set_status(world, stack, "UPDATE_ROLLBACK_IN_PROGRESS", f"{why}; rolling back")
            launch(world, stack, roll_back_update)
        else:
            record_event(world, stack, logical=stack.name, resource=None, status=status, reason=f"{why}; going on")
            launch(world, stack, _INTERRUPTED[status])


_INTERRUPTED: dict[str, Callable[[World, Stack], None]] = {
    "ROLLBACK_IN_PROGRESS": roll_back_create,
    "DELETE_IN_PROGRESS": delete,
    "IMPORT_IN_PROGRESS": bring_in,
    "IMPORT_ROLLBACK_IN_PROGRESS": lambda world, stack: set_status(world, stack, "IMPORT_ROLLBACK_COMPLETE"),
    "UPDATE_ROLLBACK_IN_PROGRESS": roll_back_update,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": clean,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": clean,
}
