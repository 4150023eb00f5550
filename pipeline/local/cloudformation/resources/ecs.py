"""Clusters, task definitions, services. What runs is the data plane's work; a service is settled when its deployment is."""

from __future__ import annotations

import time
from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    only,
    refuse_dropped,
    tag_changes,
    without,
)
from pipeline.local.cloudformation.resources.shape import params

# AWS gives a service three hours; nothing on this computer is worth that wait.
DEPLOYMENT_SECONDS = 900
POLL_SECONDS = 0.1
# The deployment that the last create or update started; not an attribute that a template may ask for.
DEPLOYMENT = "(deployment)"


def _retag(client: Any, arn: str, old: Properties, new: Properties) -> None:
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(resourceArn=arn, tags=[{"key": key, "value": value} for key, value in wanted.items()])
    if gone:
        client.untag_resource(resourceArn=arn, tagKeys=gone)


def _cluster(properties: Properties) -> Properties:
    renamed = {"ClusterSettings": "Settings"}
    return {renamed.get(key, key): value for key, value in properties.items()}


def _create_cluster(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ecs")
    wanted = {"ClusterName": scope.physical_name(255), **_cluster(properties)}
    cluster = client.create_cluster(**params(client, "CreateCluster", wanted))["cluster"]
    return Made(id=cluster["clusterName"], attributes={"Arn": cluster["clusterArn"]})


def _update_cluster(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("ecs")
    settings = only(_cluster(new), "Settings", "Configuration", "ServiceConnectDefaults")
    refuse_dropped(old, new, "ClusterSettings", "Configuration", "ServiceConnectDefaults")
    if settings:
        client.update_cluster(**params(client, "UpdateCluster", {"Cluster": made.id, **settings}))
    if any(old.get(key) != new.get(key) for key in ("CapacityProviders", "DefaultCapacityProviderStrategy")):
        _put_providers(client, made.id, new)
    _retag(client, made.attributes["Arn"], old, new)
    return made


def _put_providers(client: Any, cluster: str, properties: Properties) -> None:
    wanted = {
        "Cluster": cluster,
        "CapacityProviders": properties.get("CapacityProviders", []),
        "DefaultCapacityProviderStrategy": properties.get("DefaultCapacityProviderStrategy", []),
    }
    client.put_cluster_capacity_providers(**params(client, "PutClusterCapacityProviders", wanted))


def _delete_cluster(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ecs").delete_cluster(cluster=made.id)


def _associate_providers(scope: Scope, properties: Properties) -> Made:
    _put_providers(scope.client("ecs"), properties["Cluster"], properties)
    return Made(id=properties["Cluster"])


def _change_providers(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    _put_providers(scope.client("ecs"), made.id, new)
    return made


def _forget_providers(scope: Scope, made: Made, _: Properties) -> None:
    _put_providers(scope.client("ecs"), made.id, {})


def _register(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ecs")
    wanted = {"Family": scope.physical_name(255), **properties}
    definition = client.register_task_definition(**params(client, "RegisterTaskDefinition", wanted))["taskDefinition"]
    return Made(id=definition["taskDefinitionArn"], attributes={"TaskDefinitionArn": definition["taskDefinitionArn"]})


def _retag_definition(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    _retag(scope.client("ecs"), made.id, old, new)
    return made


def _deregister(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ecs").deregister_task_definition(taskDefinition=made.id)


def _create_service(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ecs")
    wanted = {"ServiceName": scope.physical_name(255), "DesiredCount": 1, **properties}
    return _service(client.create_service(**params(client, "CreateService", wanted))["service"])


def _service(service: Properties) -> Made:
    primary = next(one for one in service["deployments"] if one["status"] == "PRIMARY")
    attributes = {"Name": service["serviceName"], "ServiceArn": service["serviceArn"], DEPLOYMENT: primary["id"]}
    return Made(id=service["serviceArn"], attributes=attributes)


FIXED = ("Cluster", "LaunchType", "SchedulingStrategy", "ServiceName", "Tags")


def _update_service(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("ecs")
    # DesiredCount may be dropped: from then on scaling alone decides.
    refuse_dropped(without(old, "DesiredCount", *FIXED), new, *old)
    # An unchanged count would undo what scaling has decided since.
    kept = FIXED if old.get("DesiredCount") != new.get("DesiredCount") else (*FIXED, "DesiredCount")
    wanted = {"Cluster": new["Cluster"], "Service": made.attributes["Name"], **without(new, *kept)}
    answer = client.update_service(**params(client, "UpdateService", wanted))["service"]
    _retag(client, made.id, old, new)
    return _service(answer)


def _settle_service(scope: Scope, made: Made, properties: Properties) -> None:
    client = scope.client("ecs")
    end = time.monotonic() + DEPLOYMENT_SECONDS
    while time.monotonic() < end:
        service = client.describe_services(cluster=properties["Cluster"], services=[made.attributes["Name"]])["services"][0]
        deployment = next((one for one in service["deployments"] if one["id"] == made.attributes[DEPLOYMENT]), None)
        if deployment is None or deployment["rolloutState"] == "FAILED":
            why = deployment["rolloutStateReason"] if deployment else "it was rolled back"
            raise ResourceError(f"Error occurred during operation 'ECS deployment {made.attributes[DEPLOYMENT]} failed: {why}'.")
        if deployment["rolloutState"] == "COMPLETED":
            return
        scope.pause(POLL_SECONDS)
    raise ResourceError(f"the deployment of {made.attributes['Name']} did not settle within {DEPLOYMENT_SECONDS} s")


def _delete_service(scope: Scope, made: Made, properties: Properties) -> None:
    client = scope.client("ecs")
    cluster, name = properties["Cluster"], made.attributes["Name"]
    client.delete_service(cluster=cluster, service=name, force=True)
    end = time.monotonic() + DEPLOYMENT_SECONDS
    while time.monotonic() < end:
        found = client.describe_services(cluster=cluster, services=[name])["services"]
        if not found or found[0]["status"] == "INACTIVE":
            return
        scope.pause(POLL_SECONDS)
    raise ResourceError(f"{name} did not drain within {DEPLOYMENT_SECONDS} s")


HANDLERS = {
    "AWS::ECS::Cluster": Handler(
        create=_create_cluster,
        update=_update_cluster,
        delete=_delete_cluster,
        enforced=names("CapacityProviders ClusterName ClusterSettings Configuration DefaultCapacityProviderStrategy Tags"),
        mutable=names("CapacityProviders ClusterSettings Configuration DefaultCapacityProviderStrategy Tags"),
    ),
    "AWS::ECS::ClusterCapacityProviderAssociations": Handler(
        create=_associate_providers,
        update=_change_providers,
        delete=_forget_providers,
        enforced=names("CapacityProviders Cluster DefaultCapacityProviderStrategy"),
        mutable=names("CapacityProviders DefaultCapacityProviderStrategy"),
    ),
    "AWS::ECS::TaskDefinition": Handler(
        create=_register,
        update=_retag_definition,
        delete=_deregister,
        enforced=names(
            "ContainerDefinitions Cpu EphemeralStorage ExecutionRoleArn Family Memory NetworkMode RequiresCompatibilities RuntimePlatform "
            "Tags TaskRoleArn Volumes"
        ),
        mutable=names("Tags"),
    ),
    "AWS::ECS::Service": Handler(
        create=_create_service,
        update=_update_service,
        settle=_settle_service,
        delete=_delete_service,
        enforced=names(
            "AvailabilityZoneRebalancing CapacityProviderStrategy Cluster DeploymentConfiguration DesiredCount EnableECSManagedTags "
            "HealthCheckGracePeriodSeconds LaunchType LoadBalancers NetworkConfiguration PlatformVersion PropagateTags SchedulingStrategy "
            "ServiceName Tags TaskDefinition"
        ),
        mutable=names(
            "AvailabilityZoneRebalancing CapacityProviderStrategy DeploymentConfiguration DesiredCount EnableECSManagedTags "
            "HealthCheckGracePeriodSeconds LoadBalancers NetworkConfiguration PlatformVersion PropagateTags Tags TaskDefinition"
        ),
    ),
}
