"""The CloudFormation API that the local engine answers: the table, and the operations that change stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.local.cloudformation import changes, changeset, deploy, describe, request, template, workers
from pipeline.local.cloudformation.drift import detect
from pipeline.local.cloudformation.stack import Stack, every, find, new, save, set_status
from pipeline.local.protocol import AwsError, Call, Operation
from pipeline.local.world import World

# A parameter without a meaning here: no answer gets lost, so nothing is asked twice.
INERT = "ClientRequestToken"


def create_stack(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(
        call,
        f"{INERT} StackName TemplateBody TemplateURL Parameters DisableRollback Capabilities RoleARN OnFailure StackPolicyBody Tags "
        "EnableTerminationProtection RetainExceptOnCreate",
    )
    goal, _ = request.goal(world, call)
    policy = request.policy(call, "StackPolicyBody")
    with workers.BEGIN:
        name = call.params["StackName"]
        if any(
            one.name == name and (one.account, one.region) == (call.account, call.region) and one.status != "DELETE_COMPLETE"
            for one in every(world)
        ):
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        stack = new(name, call.account, call.region, "CREATE_IN_PROGRESS")
        stack.goal, stack.policy, stack.protected = goal, policy, bool(call.params.get("EnableTerminationProtection"))
        stack.on_failure = request.failure_mode(call)
        request.take_options(stack, call)
        set_status(world, stack, "CREATE_IN_PROGRESS", "User Initiated")
    deploy.launch(world, stack, deploy.create)
    return {"StackId": stack.id}


def update_stack(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(
        call,
        f"{INERT} StackName TemplateBody TemplateURL UsePreviousTemplate Parameters Capabilities RoleARN StackPolicyBody "
        "StackPolicyDuringUpdateBody Tags DisableRollback RetainExceptOnCreate",
    )
    with workers.BEGIN:
        stack = find(world, call.params["StackName"], call.account, call.region)
        deploy.refuse_unless_updatable(stack)
        goal, document = request.goal(world, call, stack)
        if call.params.get("Tags") == []:
            goal.tags = {}
        changes.refuse_type_changes(stack, document)
        if changes.changes_nothing(stack, goal, changes.predict(world, stack, goal)):
            raise template.invalid("No updates are to be performed.")
        # The update itself is judged by the policy in force (classmethod/gradle-aws-plugin#159): the new one protects what it made.
        stack.policy_after_update = request.policy(call, "StackPolicyBody")
        stack.policy_during_update = request.policy(call, "StackPolicyDuringUpdateBody")
        request.take_options(stack, call)
        stack.on_failure = "DO_NOTHING" if call.params.get("DisableRollback") else "ROLLBACK"
        deploy.begin_update(world, stack, goal)
    deploy.launch(world, stack, deploy.update)
    return {"StackId": stack.id}


def delete_stack(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, f"{INERT} StackName RetainResources RoleARN")
    with workers.BEGIN:
        try:
            stack = find(world, call.params["StackName"], call.account, call.region)
        except AwsError:
            return {}  # AWS answers success for a stack that is not there
        if stack.status == "DELETE_COMPLETE":
            return {}
        if stack.protected:
            raise template.invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.busy:
            if stack.status == "DELETE_IN_PROGRESS":
                return {}
            raise template.invalid(
                f"Stack:{stack.id} is in {stack.status} state and can not be deleted (no operation is interrupted here)."
            )
        if call.params.get("RetainResources") and stack.status != "DELETE_FAILED":
            raise template.invalid(f"Invalid operation on stack [{stack.id}]. RetainResources is only for stacks in DELETE_FAILED.")
        stack.skip = call.params.get("RetainResources") or []
        set_status(world, stack, "DELETE_IN_PROGRESS", "User Initiated")
    deploy.launch(world, stack, deploy.delete)
    return {}


def continue_update_rollback(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, f"{INERT} StackName ResourcesToSkip RoleARN")
    return _roll_back(world, call, {"UPDATE_ROLLBACK_FAILED"})


def rollback_stack(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, f"{INERT} StackName RoleARN RetainExceptOnCreate")
    return _roll_back(world, call, {"UPDATE_FAILED", "CREATE_FAILED"})


def _roll_back(world: World, call: Call, states: set[str]) -> Mapping[str, Any]:
    with workers.BEGIN:
        stack = find(world, call.params["StackName"], call.account, call.region)
        if stack.status not in states:
            raise template.invalid(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
        stack.skip = call.params.get("ResourcesToSkip") or []
        work: Callable[[World, Stack], None] = deploy.roll_back_create if stack.status == "CREATE_FAILED" else deploy.roll_back_update
        set_status(
            world, stack, "ROLLBACK_IN_PROGRESS" if stack.status == "CREATE_FAILED" else "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"
        )
    deploy.launch(world, stack, work)
    return {"StackId": stack.id}


def set_stack_policy(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, "StackName StackPolicyBody")
    with workers.BEGIN:
        stack = _at_rest(world, call)
        stack.policy = request.policy(call, "StackPolicyBody")
        save(world, stack)
    return {}


def update_termination_protection(world: World, call: Call) -> Mapping[str, Any]:
    with workers.BEGIN:
        stack = _at_rest(world, call)
        stack.protected = bool(call.params["EnableTerminationProtection"])
        save(world, stack)
    return {"StackId": stack.id}


def _at_rest(world: World, call: Call) -> Stack:
    stack = find(world, call.params["StackName"], call.account, call.region)
    if stack.busy or stack.status == "DELETE_COMPLETE":
        raise template.invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    return stack


OPERATIONS: dict[str, Operation] = {
    "CreateStack": create_stack,
    "UpdateStack": update_stack,
    "DeleteStack": delete_stack,
    "ContinueUpdateRollback": continue_update_rollback,
    "RollbackStack": rollback_stack,
    "SetStackPolicy": set_stack_policy,
    "UpdateTerminationProtection": update_termination_protection,
    **changeset.OPERATIONS,
    **describe.OPERATIONS,
    **detect.OPERATIONS,
}
