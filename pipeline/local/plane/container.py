"""A container without a container engine: the image's files, its configuration told for this computer, its command."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.plane import configuration, observe, process
from pipeline.local.plane.execution import IMAGE, FailedToStartError
from pipeline.nginx_translate import translated

# Authorities of private origins, whose part the local authority plays.
_AUTHORITIES = Path("etc/nginx/kotei/authorities")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a container finds itself on this computer."""

    home: Path
    address: str
    resolver: str
    authority: Path


@dataclass(frozen=True, kw_only=True)
class Container:
    arguments: tuple[str, ...]
    facts: configuration.Facts
    digest: str
    stop_signal: str
    stop_seconds: float


def proxy(definition: dict[str, Any]) -> dict[str, Any]:
    """The container that a task lives and dies with."""
    essential = [container for container in definition["containers"] if container["essential"]]
    if len(essential) != 1:
        raise FailedToStartError(f"CannotStartContainerError: {len(essential)} essential containers in a task; the local plane runs one")
    found: dict[str, Any] = essential[0]
    return found


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container.get("environment") or ()}


def prepared(definition: dict[str, Any], folder: Path, place: Place) -> Container:
    container = proxy(definition)
    if other := {one["image"] for one in definition["containers"]} - {container["image"]}:
        raise FailedToStartError(f"CannotPullContainerError: {', '.join(sorted(other))}: the local plane runs one image in a task")
    image = _image(container["image"], place.home)
    config = json.loads((image / "config.json").read_text(encoding="utf-8")).get("config", {})
    root = folder / "root"
    shutil.copytree(image / "files", root, dirs_exist_ok=True)
    for name in ("/tmp", *mounted(definition)):  # noqa: S108 - the container's own
        (root / name.lstrip("/")).mkdir(mode=0o700, parents=True, exist_ok=True)
    for authority in (root / _AUTHORITIES).glob("*.pem"):
        shutil.copyfile(place.authority, authority)
    command = [*(container.get("entryPoint") or config.get("Entrypoint") or ()), *(container.get("command") or config.get("Cmd") or ())]
    arguments, conf = _nginx(command, root)
    for path in sorted(conf.parent.rglob("*.conf")):
        _localize(path, root, folder, place)
    return Container(
        arguments=tuple(arguments),
        facts=configuration.read(image / "files" / conf.parent.relative_to(root)),
        digest=container["image"].partition("@")[2],
        stop_signal=str(config.get("StopSignal", "SIGTERM")),
        # ECS's default on Fargate (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html, stopTimeout).
        stop_seconds=float(container.get("stopTimeout") or 30),
    )


def mounted(definition: dict[str, Any]) -> list[str]:
    """Folders of volumes, as containers see them."""
    paths = (point["containerPath"] for container in definition["containers"] for point in container.get("mountPoints") or ())
    return sorted(set(paths))


def _image(reference: str, home: Path) -> Path:
    """The image's unpacked files, shared by its tasks."""
    match = IMAGE.fullmatch(reference)
    if match is None:
        raise FailedToStartError(f"CannotPullContainerError: {reference} is not an ECR image by digest; the local plane pulls no other")
    digest = match["digest"]
    if not observe.image_digest(match["account"], match["region"], match["repository"], digest):
        raise FailedToStartError(f"CannotPullContainerError: failed to resolve ref {reference}: not found")
    name = digest.replace(":", "-")
    stored, unpacked = home / "images" / name, home / "plane" / "images" / name
    if unpacked.exists():
        return unpacked
    if not (stored / "layer.tar").exists():
        raise FailedToStartError(f"CannotPullContainerError: {reference}: its layers are not in {stored}")
    partial = unpacked.with_name(f"{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    _unpack(stored / "layer.tar", partial / "files")
    shutil.copy(stored / "config.json", partial / "config.json")
    partial.rename(unpacked)
    return unpacked


def _unpack(layer: Path, folder: Path) -> None:
    """Files only, and only below the folder; the filters of extractall are missing before Python 3.11.4."""
    folder.mkdir(parents=True)
    with tarfile.open(layer) as members:
        for member in members:
            target = (folder / member.name).resolve()
            if not target.is_relative_to(folder.resolve()) or not (member.isfile() or member.isdir()):
                raise FailedToStartError(f"CannotPullContainerError: {layer}: {member.name} is not a file inside the image")
            if member.isfile() and (content := members.extractfile(member)) is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def _nginx(command: Sequence[str], root: Path) -> tuple[list[str], Path]:
    if not command or command[0] != "nginx":
        raise FailedToStartError(
            f"CannotStartContainerError: the local plane runs nginx only, not {' '.join(command) or 'an empty command'}"
        )
    arguments = list(command[1:])
    if "-c" not in arguments:
        raise FailedToStartError("CannotStartContainerError: nginx without -c reads the base image's configuration, which is not here")
    at = arguments.index("-c") + 1
    conf = root / arguments[at].lstrip("/")
    if not conf.is_file():
        raise FailedToStartError(f"CannotStartContainerError: {arguments[at]} is not in the image")
    arguments[at] = str(conf)
    if "-g" in arguments and process.foreground().endswith("root;"):
        arguments[arguments.index("-g") + 1] += " user root;"
    return arguments, conf


def _localize(path: Path, root: Path, folder: Path, place: Place) -> None:
    try:
        text = translated(
            path.read_text(encoding="utf-8"),
            prefix=root,
            listen_address=place.address,
            resolver=place.resolver,
            internal_networks="",
            ca_bundle=place.authority,
            stdout=folder / "stdout.log",
            stderr=folder / "stderr.log",
        )
    except PipelineError as error:
        raise FailedToStartError(f"CannotStartContainerError: {path.relative_to(root)}: {error}") from error
    path.write_text(text, encoding="utf-8")
