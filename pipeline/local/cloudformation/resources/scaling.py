"""Application Auto Scaling."""

from __future__ import annotations

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    without,
)
from pipeline.local.cloudformation.resources.shape import params

KEY = ("ResourceId", "ScalableDimension", "ServiceNamespace")
SERVICE = "application-autoscaling"


def _put_target(scope: Scope, properties: Properties) -> Made:
    client = scope.client(SERVICE)
    client.register_scalable_target(**params(client, "RegisterScalableTarget", without(properties, "Tags")))
    identity = "|".join(properties[key] for key in KEY)
    return Made(id=identity, attributes={"Id": identity})


def _change_target(scope: Scope, _made: Made, _: Properties, new: Properties) -> Made:
    return _put_target(scope, new)


def _delete_target(scope: Scope, _: Made, properties: Properties) -> None:
    scope.client(SERVICE).deregister_scalable_target(**{key: properties[key] for key in KEY})


def _target(properties: Properties) -> Properties:
    """The scalable target's three names, whether given one by one or as its Ref."""
    if "ScalingTargetId" in properties:
        parts = properties["ScalingTargetId"].split("|")
        if len(parts) != len(KEY):
            raise ResourceError(f"ScalingTargetId {properties['ScalingTargetId']} is not the Ref of a scalable target")
        return dict(zip(KEY, parts, strict=True))
    return {key: properties[key] for key in KEY}


def _put_policy(scope: Scope, properties: Properties) -> Made:
    client = scope.client(SERVICE)
    wanted = {**without(properties, "ScalingTargetId"), **_target(properties)}
    arn = client.put_scaling_policy(**params(client, "PutScalingPolicy", wanted))["PolicyARN"]
    return Made(id=arn, attributes={"Arn": arn})


def _change_policy(scope: Scope, _made: Made, _: Properties, new: Properties) -> Made:
    return _put_policy(scope, new)


def _delete_policy(scope: Scope, _: Made, properties: Properties) -> None:
    scope.client(SERVICE).delete_scaling_policy(PolicyName=properties["PolicyName"], **_target(properties))


HANDLERS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": Handler(
        create=_put_target,
        update=_change_target,
        delete=_delete_target,
        enforced=names("MaxCapacity MinCapacity ResourceId RoleARN ScalableDimension ServiceNamespace"),
        mutable=names("MaxCapacity MinCapacity RoleARN"),
        # moto 5.2.5 keeps no tags of a scalable target.
        recorded=names("Tags"),
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Handler(
        create=_put_policy,
        update=_change_policy,
        delete=_delete_policy,
        enforced=names(
            "PolicyName PolicyType ResourceId ScalableDimension ScalingTargetId ServiceNamespace TargetTrackingScalingPolicyConfiguration"
        ),
        mutable=names("PolicyType TargetTrackingScalingPolicyConfiguration"),
    ),
}
