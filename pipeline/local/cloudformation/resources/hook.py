"""Guard hooks: kept here, asked by pipeline/local/cloudformation/hooks.py."""

from __future__ import annotations

from pipeline.local.cloudformation.resources.handler import Handler, Made, Properties, ResourceError, Scope, names

KIND = "cloudformation-hook"


def _create(scope: Scope, properties: Properties) -> Made:
    arn = scope.arn("cloudformation", f"type/hook/{properties['Alias'].replace('::', '-')}")
    if any(one["arn"] == arn for one in scope.world.store.all(KIND)):
        raise ResourceError(f"Type {properties['Alias']} is already activated in this account and region")
    return _keep(scope, arn, properties)


def _keep(scope: Scope, arn: str, properties: Properties) -> Made:
    if properties["TargetOperations"] != ["STACK"]:
        raise ResourceError("the local CloudFormation asks a hook about STACK only")
    if "VersionId" in properties["RuleLocation"] or not properties["RuleLocation"]["Uri"].endswith(".zip"):
        raise ResourceError("the local CloudFormation reads a hook's rules from the newest version of a .zip only")
    kept = {"arn": arn, "account": scope.account, "region": scope.region, "properties": properties}
    scope.world.store.put(KIND, arn, kept)
    return Made(id=arn, attributes={"HookArn": arn})


def _update(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    return _keep(scope, made.id, new)


def _delete(scope: Scope, made: Made, _: Properties) -> None:
    scope.world.store.delete(KIND, made.id)


HANDLERS = {
    "AWS::CloudFormation::GuardHook": Handler(
        create=_create,
        update=_update,
        delete=_delete,
        enforced=names("Alias ExecutionRole FailureMode HookStatus RuleLocation StackFilters TargetFilters TargetOperations"),
        mutable=names("FailureMode HookStatus RuleLocation StackFilters TargetFilters TargetOperations"),
    ),
}
