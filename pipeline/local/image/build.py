"""From stages and a folder of files to an OCI image: one reproducible layer, a configuration, a manifest."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.image import commands
from pipeline.local.image.dockerfile import Instruction, Stage
from pipeline.local.image.tree import Tree, copy_files, copy_folder, layer

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True, kw_only=True)
class Image:
    """The bytes of an image; `digest` is what every registry calls it."""

    layer: bytes
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        return digest(self.manifest)


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def build(
    stages: Sequence[Stage],
    context: Path,
    *,
    hidden: Callable[[PurePosixPath], bool],
    platform: str,
    labels: Mapping[str, str],
    say: Callable[[str], None],
) -> Image:
    """The base image cannot be pulled here: the layer holds what is copied on top of it, and its name is kept in the manifest."""
    with tempfile.TemporaryDirectory(prefix="kotei-image-") as folder:
        trees: dict[str, Tree] = {}
        for number, stage in enumerate(stages):
            tree = Tree(root=Path(folder) / str(number))
            tree.root.mkdir()
            for instruction in stage.instructions:
                say(f"#{instruction.line} {instruction.name} {instruction.text}")
                if instruction.name == "COPY":
                    _copy(instruction, context, tree, hidden, trees)
                elif instruction.name == "RUN":
                    commands.run(instruction, tree)
            # A stage is known by its name and by its number.
            trees |= {str(number): tree, stage.name: tree}
        added = layer(tree)
    return _image(stages[-1], added, platform, labels)


def _copy(
    instruction: Instruction, context: Path, tree: Tree, hidden: Callable[[PurePosixPath], bool], earlier: Mapping[str, Tree]
) -> None:
    where = f"Dockerfile, line {instruction.line}: COPY"
    option, separator, value = instruction.words[0].partition("=")
    if not option.startswith("--"):
        copy_files(instruction, context, tree, hidden)
        return
    if option != "--from" or not separator:
        raise PipelineError(f"{where}: {instruction.words[0]} is not supported by the local engine's docker")
    if not value or value not in earlier:
        raise PipelineError(f"{where}: {value} is not an earlier stage")
    _, *sources, destination = instruction.words
    for source in sources:
        copy_folder(where, earlier[value].place(source), tree, tree.place(destination), earlier[value])


def _image(stage: Stage, added: bytes, platform: str, labels: Mapping[str, str]) -> Image:
    settings: dict[str, Any] = {"Labels": {}}
    for instruction in stage.instructions:
        _set(settings, instruction)
    # As in buildx, --label wins.
    settings["Labels"] |= labels
    operating_system, _, architecture = platform.partition("/")
    config = json_bytes(
        {
            "architecture": architecture,
            "os": operating_system,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [digest(added)]},
            "history": [{"created_by": f"{instruction.name} {instruction.text}"} for instruction in stage.instructions],
        }
    )
    manifest = json_bytes(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": descriptor(CONFIG_TYPE, config),
            "layers": [descriptor(LAYER_TYPE, added)],
            "annotations": {"org.opencontainers.image.base.name": stage.base},
        }
    )
    return Image(layer=added, config=config, manifest=manifest)


def descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": digest(content), "size": len(content)}


def _set(settings: dict[str, Any], instruction: Instruction) -> None:
    words = instruction.words
    if instruction.name == "LABEL":
        settings["Labels"] |= dict(word.split("=", 1) for word in words)
    elif instruction.name == "ENV":
        settings.setdefault("Env", []).extend(words)
    elif instruction.name == "USER":
        settings["User"] = words[0]
    elif instruction.name == "WORKDIR":
        settings["WorkingDir"] = words[0]
    elif instruction.name == "STOPSIGNAL":
        settings["StopSignal"] = words[0]
    elif instruction.name == "EXPOSE":
        settings["ExposedPorts"] = {word if "/" in word else f"{word}/tcp": {} for word in words}
    elif instruction.name == "VOLUME":
        settings["Volumes"] = {word: {} for word in words}
    elif instruction.name in ("CMD", "ENTRYPOINT"):
        settings[instruction.name.capitalize()] = list(words) if instruction.listed else ["/bin/sh", "-c", instruction.text]
