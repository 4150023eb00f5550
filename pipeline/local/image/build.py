"""From instructions and a folder of files to an OCI image: one reproducible layer, a configuration, a manifest."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.image.dockerfile import Instruction
from pipeline.nginx_check import binary, readable

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
        return _digest(self.manifest)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def build(
    instructions: Sequence[Instruction],
    context: Path,
    *,
    hidden: Callable[[PurePosixPath], bool],
    platform: str,
    labels: Mapping[str, str],
    say: Callable[[str], None],
) -> Image:
    """The base image cannot be pulled here: the layer holds what is copied on top of it, and its name is kept in the manifest."""
    settings: dict[str, Any] = {"Labels": dict(labels)}
    base = ""
    with tempfile.TemporaryDirectory(prefix="kotei-image-") as folder:
        root = Path(folder)
        for number, instruction in enumerate(instructions, start=1):
            say(f"#{number} {instruction.name} {instruction.text}")
            if instruction.name == "FROM":
                base = instruction.words[0]
            elif instruction.name == "COPY":
                _copy(instruction, context, root, hidden)
            elif instruction.name == "RUN":
                _run(instruction, root)
            else:
                _set(settings, instruction)
        layer = _layer(root)
    operating_system, _, architecture = platform.partition("/")
    config = _json(
        {
            "architecture": architecture,
            "os": operating_system,
            "config": settings,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created_by": f"{instruction.name} {instruction.text}"} for instruction in instructions],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor(CONFIG_TYPE, config),
            "layers": [_descriptor(LAYER_TYPE, layer)],
            "annotations": {"org.opencontainers.image.base.name": base},
        }
    )
    return Image(layer=layer, config=config, manifest=manifest)


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}


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
    elif instruction.name in ("CMD", "ENTRYPOINT"):
        settings[instruction.name.capitalize()] = list(words) if instruction.listed else ["/bin/sh", "-c", instruction.text]


def _copy(instruction: Instruction, context: Path, root: Path, hidden: Callable[[PurePosixPath], bool]) -> None:
    """As buildx does: the content of a folder, and a file into a folder when the destination ends in a slash."""
    where = f"Dockerfile, line {instruction.line}: COPY"
    if instruction.words[0].startswith("--"):
        raise PipelineError(f"{where}: {instruction.words[0]} is not supported by the local engine's docker")
    *sources, destination = instruction.words
    target = root / destination.lstrip("/")
    for pattern in sources:
        source = context / pattern.strip("/")
        if not source.resolve().is_relative_to(context.resolve()):
            raise PipelineError(f"{where}: {pattern} is outside of the build's folder")
        files = [path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file()]
        seen = [path for path in files if not hidden(PurePosixPath(path.relative_to(context)))]
        if not seen:
            raise PipelineError(f'{where}: "/{pattern.strip("/")}": not found (or hidden by .dockerignore)')
        for path in seen:
            if path != source:
                file = target / path.relative_to(source)
            else:
                file = target / source.name if destination.endswith("/") or len(sources) > 1 else target
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, file)


def _run(instruction: Instruction, root: Path) -> None:
    """There is no base image to run things in; nginx itself is here, so that is what can be run."""
    words = list(instruction.words)
    if words[:2] != ["nginx", "-t"] or "-c" not in words:
        raise PipelineError(
            f"Dockerfile, line {instruction.line}: RUN {instruction.text}: the local engine's docker can only run `nginx -t … -c FILE`"
        )
    conf = words[words.index("-c") + 1]
    if not (root / conf.lstrip("/")).is_file():
        raise PipelineError(f"Dockerfile, line {instruction.line}: nginx: {conf} is not in the image")
    said = _nginx(words[1:], conf, root)
    if said:
        raise PipelineError(f"Dockerfile, line {instruction.line}: RUN {instruction.text}: {said}")


def _nginx(arguments: Sequence[str], conf: str, root: Path) -> str:
    with tempfile.TemporaryDirectory(prefix="kotei-nginx-") as folder:
        prefix = Path(folder)
        shutil.copytree(root, prefix, dirs_exist_ok=True)
        for file in (prefix / conf.lstrip("/")).parent.rglob("*.conf"):
            file.write_text(readable(file.read_text(), prefix))
        local = [str(prefix / conf.lstrip("/")) if word == conf else word for word in arguments]
        ran = subprocess.run([binary(), "-p", prefix, "-e", "stderr", *local], capture_output=True, text=True, check=False, timeout=60)
        return (ran.stderr.strip() or f"exit code {ran.returncode}").replace(str(prefix), "") if ran.returncode else ""


def _layer(root: Path) -> bytes:
    """The same files make the same bytes: sorted, without times and owners, only the executable bit of the modes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(root.rglob("*")):
            entry = tar.gettarinfo(str(path), arcname=str(path.relative_to(root)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = 0
            entry.mode = 0o755 if path.is_dir() or entry.mode & 0o100 else 0o644
            if entry.isfile():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return out.getvalue()
