"""What moto's ECS lacks: a service keeps what it was given, has deployments, and shows the tasks that the data plane runs.

moto records what a caller asked for; what really runs is written into the tables below by the data plane
(pipeline/local/plane/), so no answer claims a running task that is not a process.
"""

# ruff: noqa: SLF001 -- a gap is mended where it is: inside moto

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]

# Written by the data plane, read by the answers below. Keyed by deployment id, task ARN, and task ARN.
DEPLOYMENTS: dict[str, dict[str, Any]] = {}
TASKS: dict[str, dict[str, Any]] = {}
STOP_REQUESTS: dict[str, str] = {}
# What DEPLOYMENTS has no room for: status and stage of a service deployment, by the same key.
SERVICE_DEPLOYMENTS: dict[str, dict[str, Any]] = {}

# Input members of CreateService and UpdateService that moto 5.2.5 drops, with the value ECS answers when they are not given.
_KEPT: dict[str, Any] = {
    "capacityProviderStrategy": None,
    "deploymentConfiguration": None,
    "availabilityZoneRebalancing": "ENABLED",
    "healthCheckGracePeriodSeconds": None,
    "placementConstraints": [],
    "placementStrategy": [],
    "enableExecuteCommand": False,
    "enableECSManagedTags": False,
}
_KEPT_DEPLOYMENTS = 10
_STRATEGIES = ("ROLLING", "BLUE_GREEN", "CANARY")
# Input members of UpdateService and moto's names for them.
_CHANGEABLE = {"desiredCount": "desired_count", "platformVersion": "platform_version", "loadBalancers": "load_balancers"}


def apply(patch: Patch = setattr) -> None:
    services_keep_what_they_were_given(patch)
    updates_start_deployments(patch)
    deletions_drain(patch)
    service_deployments_are_told(patch)
    descriptions_show_what_runs(patch)
    tasks_are_the_data_planes(patch)


def services_keep_what_they_were_given(patch: Patch) -> None:
    """In moto 5.2.5: create_service drops most of its input, calls every service EC2 and overwrites one of the same name."""
    from moto.core.responses import ActionResult
    from moto.ecs.exceptions import InvalidParameterException
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    original = Response.create_service

    def create_service(self: Any) -> Any:
        params = self._get_params()
        _refuse_unknown_strategy(params)
        name, cluster = params["serviceName"], params.get("cluster", "default").split("/")[-1]
        existing = self.ecs_backend.services.get(f"{cluster}:{name}")
        if existing is not None and existing.status == "ACTIVE":
            raise InvalidParameterException("Creation of service was not idempotent.")
        original(self)
        service = self.ecs_backend.services[f"{cluster}:{name}"]
        given = {key: params.get(key, default) for key, default in _KEPT.items()}
        service.given = given
        if given["capacityProviderStrategy"]:
            service.launch_type = None
        service.created_at = _now()
        service.running_count = service.pending_count = 0
        service.deployments = [_deployment(service, network=params.get("networkConfiguration"))]
        return ActionResult({"service": described(service)})

    patch(Response, "create_service", create_service)


def updates_start_deployments(patch: Patch) -> None:
    """In moto 5.2.5: update_service changes the service in place; its deployments keep the old task definition and state."""
    from moto.core.responses import ActionResult
    from moto.ecs.exceptions import EcsClientException
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    def update_service(self: Any) -> Any:
        params = self._get_params()
        _refuse_unknown_strategy(params)
        backend = self.ecs_backend
        service = backend._get_service(params.get("cluster", "default"), params["service"])
        if service.status != "ACTIVE":
            raise EcsClientException(f"Service was not ACTIVE: {service.name}")
        before = _revision(service)
        if "taskDefinition" in params:
            service.task_definition = backend.describe_task_definition(params["taskDefinition"]).arn
        if "networkConfiguration" in params:
            service.network_configuration = service._validate_network(params["networkConfiguration"])
        for member, attribute in _CHANGEABLE.items():
            if member in params:
                setattr(service, attribute, params[member])
        service.given = {**service.given, **{key: params[key] for key in _KEPT if key in params}}
        if _revision(service) != before or params.get("forceNewDeployment"):
            for deployment in service.deployments:
                deployment["status"] = "ACTIVE"
            kept = service.deployments[: _KEPT_DEPLOYMENTS - 1]
            service.deployments = [_deployment(service, network=service.network_configuration), *kept]
        else:
            service.deployments[0]["desiredCount"] = service.desired_count
        return ActionResult({"service": described(service)})

    patch(Response, "update_service", update_service)


def deletions_drain(patch: Patch) -> None:
    """In moto 5.2.5: a deleted service is INACTIVE at once; ECS says DRAINING until its last task has stopped."""
    from moto.core.responses import ActionResult
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    original = Response.delete_service

    def delete_service(self: Any) -> Any:
        service = original(self).result["service"]
        service.desired_count = 0
        return ActionResult({"service": described(service)})

    patch(Response, "delete_service", delete_service)


def service_deployments_are_told(patch: Patch) -> None:
    """In moto 5.2.5: ListServiceDeployments and DescribeServiceDeployments are not known. A rollback is part of what it undoes."""
    from moto.core.responses import ActionResult
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    def told(service: Any) -> list[dict[str, Any]]:
        found = []
        for deployment in service.deployments:
            known = SERVICE_DEPLOYMENTS.get(deployment["id"], {"status": "PENDING"})
            if not known.get("isRollback"):
                prefix = service.arn.replace(":service/", ":service-deployment/")
                found.append(
                    {
                        "serviceDeploymentArn": f"{prefix}/{deployment['id'].rpartition('/')[2]}",
                        "serviceArn": service.arn,
                        "clusterArn": service.cluster_arn,
                        "createdAt": deployment["createdAt"],
                        "startedAt": deployment["createdAt"],
                        "deploymentConfiguration": service.given["deploymentConfiguration"] or {},
                        **known,
                    }
                )
        return found

    def list_service_deployments(self: Any) -> Any:
        service = self.ecs_backend._get_service(self._get_param("cluster", "default"), self._get_param("service"))
        wanted = self._get_param("status") or []
        return ActionResult({"serviceDeployments": [one for one in told(service) if not wanted or one["status"] in wanted]})

    def describe_service_deployments(self: Any) -> Any:
        every = {one["serviceDeploymentArn"]: one for service in self.ecs_backend.services.values() for one in told(service)}
        asked = self._get_param("serviceDeploymentArns") or []
        return ActionResult(
            {
                "serviceDeployments": [every[arn] for arn in asked if arn in every],
                "failures": [{"arn": arn, "reason": "MISSING"} for arn in asked if arn not in every],
            }
        )

    patch(Response, "list_service_deployments", list_service_deployments)
    patch(Response, "describe_service_deployments", describe_service_deployments)


def descriptions_show_what_runs(patch: Patch) -> None:
    """In moto 5.2.5: describe_services answers 0 running and IN_PROGRESS for ever; list_services lists deleted services."""
    from moto.core.responses import ActionResult
    from moto.ecs.models import EC2ContainerServiceBackend as Backend
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    original_list = Backend.list_services

    def describe_services(self: Any) -> Any:
        found, failures = self.ecs_backend.describe_services(self._get_param("cluster", "default"), self._get_param("services", []))
        services = [described(service) for service in found]
        if "TAGS" not in self._get_param("include", []):
            for service in services:
                del service["tags"]
        return ActionResult({"services": services, "failures": failures})

    def list_services(self: Any, *args: Any, **kwargs: Any) -> list[str]:
        living = {service.arn for service in list(self.services.values()) if _status(service) != "INACTIVE"}
        return [arn for arn in original_list(self, *args, **kwargs) if arn in living]

    patch(Response, "describe_services", describe_services)
    patch(Backend, "list_services", list_services)


def tasks_are_the_data_planes(patch: Patch) -> None:
    """In moto 5.2.5: a service has no tasks, and list_tasks cannot filter by service; the data plane's tasks are listed here."""
    from moto.core.responses import ActionResult
    from moto.ecs.exceptions import InvalidParameterException
    from moto.ecs.responses import EC2ContainerServiceResponse as Response

    def list_tasks(self: Any) -> Any:
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        wanted = {
            "clusterArn": cluster.arn,
            "desiredStatus": self._get_param("desiredStatus") or "RUNNING",
            "group": f"service:{self._get_param('serviceName').split('/')[-1]}" if self._get_param("serviceName") else None,
            "startedBy": self._get_param("startedBy"),
        }
        family = self._get_param("family")
        arns = [
            arn
            for arn, task in list(TASKS.items())
            if all(value is None or task.get(key) == value for key, value in wanted.items())
            and (family is None or task["taskDefinitionArn"].split("/")[-1].split(":")[0] == family)
        ]
        return ActionResult({"taskArns": arns})

    def describe_tasks(self: Any) -> Any:
        cluster = self.ecs_backend._get_cluster(self._get_param("cluster", "default"))
        asked = self._get_param("tasks", [])
        if not asked:
            raise InvalidParameterException("Tasks cannot be empty.")
        by_id = {arn.split("/")[-1]: task for arn, task in list(TASKS.items()) if task["clusterArn"] == cluster.arn}
        found = [by_id[name.split("/")[-1]] for name in asked if name.split("/")[-1] in by_id]
        failures = [{"arn": name, "reason": "MISSING"} for name in asked if name.split("/")[-1] not in by_id]
        return ActionResult({"tasks": found, "failures": failures})

    def stop_task(self: Any) -> Any:
        name = self._get_param("task").split("/")[-1]
        for arn, task in list(TASKS.items()):
            if arn.endswith(f"/{name}"):
                STOP_REQUESTS[arn] = self._get_param("reason") or "Task stopped by user"
                return ActionResult({"task": task})
        raise InvalidParameterException("The referenced task was not found.")

    patch(Response, "list_tasks", list_tasks)
    patch(Response, "describe_tasks", describe_tasks)
    patch(Response, "stop_task", stop_task)


def described(service: Any) -> dict[str, Any]:
    """A Service in botocore's shape: what was asked (moto) and what runs (the data plane)."""
    deployments = [shown for shown in (_shown(deployment) for deployment in service.deployments) if shown["status"] != "INACTIVE"]
    given = {key: value for key, value in service.given.items() if value is not None}
    return {
        "serviceArn": service.arn,
        "serviceName": service.name,
        "clusterArn": service.cluster_arn,
        "loadBalancers": service.load_balancers,
        "serviceRegistries": service.service_registries,
        "status": _status(service),
        "desiredCount": service.desired_count,
        "runningCount": sum(deployment["runningCount"] for deployment in deployments),
        "pendingCount": sum(deployment["pendingCount"] for deployment in deployments),
        "launchType": service.launch_type,
        "platformVersion": service.platform_version or "LATEST",
        "platformFamily": "Linux",
        "taskDefinition": service.task_definition,
        "deployments": deployments,
        "events": service.events,
        "createdAt": service.created_at,
        "networkConfiguration": service.network_configuration,
        "schedulingStrategy": service.scheduling_strategy,
        "deploymentController": service.deployment_controller,
        "propagateTags": service.propagate_tags,
        "tags": service.tags,
        **given,
    }


def _refuse_unknown_strategy(params: dict[str, Any]) -> None:
    from moto.ecs.exceptions import InvalidParameterException

    configuration = params.get("deploymentConfiguration") or {}
    strategy = configuration.get("strategy", "ROLLING")
    if strategy not in _STRATEGIES:
        raise InvalidParameterException(f"Strategy {strategy} is not emulated; {', '.join(_STRATEGIES)} are.")
    if strategy != "ROLLING" and configuration.get("lifecycleHooks"):
        raise InvalidParameterException("Lifecycle hooks are not emulated.")


def _status(service: Any) -> str:
    if service.status != "INACTIVE":
        return str(service.status)
    living = any(
        task["lastStatus"] != "STOPPED" and task["group"] == f"service:{service.name}" and task["clusterArn"] == service.cluster_arn
        for task in list(TASKS.values())
    )
    return "DRAINING" if living else "INACTIVE"


def _shown(deployment: dict[str, Any]) -> dict[str, Any]:
    return {**deployment, **DEPLOYMENTS.get(deployment["id"], {})}


def _revision(service: Any) -> tuple[Any, ...]:
    """What makes a deployment when it changes; the desired count and deployment settings make none."""
    # docs.aws.amazon.com/AmazonECS/latest/developerguide/update-service-parameters.html
    return (
        service.task_definition,
        service.network_configuration,
        service.given["capacityProviderStrategy"],
        service.platform_version or "LATEST",
        service.load_balancers,
    )


def _deployment(service: Any, *, network: Any) -> dict[str, Any]:
    number = uuid.uuid4().int % 10**19
    deployment_id = f"ecs-svc/{number:019d}"
    now = _now()
    return {
        "id": deployment_id,
        "status": "PRIMARY",
        "taskDefinition": service.task_definition,
        "desiredCount": service.desired_count,
        "pendingCount": 0,
        "runningCount": 0,
        "failedTasks": 0,
        "createdAt": now,
        "updatedAt": now,
        **({"capacityProviderStrategy": service.given["capacityProviderStrategy"]} if service.given["capacityProviderStrategy"] else {}),
        **({"launchType": service.launch_type} if service.launch_type else {}),
        "platformVersion": service.platform_version or "LATEST",
        "platformFamily": "Linux",
        **({"networkConfiguration": network} if network else {}),
        "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": f"ECS deployment {deployment_id} in progress.",
    }


def _now() -> Any:
    from moto.core.utils import utcnow

    return utcnow()
