"""What makes a container less safe: each weakness that its definition has, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review.model import Side
from pipeline.review.read import items, mapping, resources_of, text
from pipeline.review.resource_types import SERVICE
from pipeline.review.tasks import containers

ROOT_USERS = ("", "0", "root")


def weaknesses(side: Side) -> dict[str, set[str]]:
    """Name of a container -> its weaknesses; under the empty name what holds for every container of the service."""
    found = {name: set(_of_container(container)) for name, container in containers(side).items()}
    found[""] = {one for _, _, service in resources_of(side, SERVICE) for one in _of_service(service)}
    return found


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    capabilities = mapping(mapping(container.get("LinuxParameters")).get("Capabilities"))
    if text(container.get("ReadonlyRootFilesystem", False)) != "true":
        yield "its root file system can be written to"
    if "ALL" not in [text(one) for one in items(capabilities.get("Drop"))]:
        yield "it keeps the kernel capabilities that it should drop"
    for added in items(capabilities.get("Add")):
        yield f"it gets the kernel capability {text(added)}"
    if text(container.get("User", "")).partition(":")[0] in ROOT_USERS:
        yield "it runs as root"
    if text(container.get("Privileged", False)) == "true":
        yield "it is privileged"
    image = text(container.get("Image", ""))
    # What is only a reference may be a digest as well.
    if "@" not in image and not (image.startswith("${") and image.endswith("}")):
        yield f"its image is named by a tag, which can move to another image: {image}"


def _of_service(service: Mapping[str, Any]) -> Iterator[str]:
    network = mapping(mapping(service.get("NetworkConfiguration")).get("AwsvpcConfiguration"))
    if text(service.get("EnableExecuteCommand", False)) == "true":
        yield "whoever may call ecs:ExecuteCommand gets a shell as root in the tasks"
    if text(network.get("AssignPublicIp", "DISABLED")) == "ENABLED":
        yield "tasks get public addresses of their own"
