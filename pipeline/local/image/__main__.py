"""The `docker` of local builds: login, `buildx imagetools inspect`, `buildx build`; for images that the local data plane can run."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.image import attest, ignore, registry
from pipeline.local.image.build import Image, build, digest
from pipeline.local.image.dockerfile import parse
from pipeline.nginx_check import binary

# buildx options with a value, and those without.
VALUED = frozenset(
    {
        *("--platform", "--tag", "-t", "--build-arg", "--label", "--file", "-f", "--metadata-file", "--provenance", "--sbom", "--progress"),
        "--output",
    }
)
SWITCHES = frozenset({"--push", "--pull", "--no-cache"})
PLATFORM = "linux/arm64"
# What --push stands for, and the same with the media types that attestations need.
OUTPUTS = ("type=registry", "type=registry,oci-mediatypes=true")
NEW_BUILDER = {"--driver", "--driver-opt", "--name"}


@dataclass
class Options:
    values: dict[str, list[str]] = field(default_factory=dict)
    switches: set[str] = field(default_factory=set)
    context: str = ""

    def last(self, *names: str, default: str = "") -> str:
        return next((self.values[name][-1] for name in names if name in self.values), default)

    def pairs(self, name: str) -> dict[str, str]:
        return dict(pair.split("=", 1) for pair in self.values.get(name, []))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _options(arguments: Sequence[str]) -> Options:
    options = Options()
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, separator, value = word.partition("=")
        if name in VALUED:
            if not separator and not waiting:
                raise PipelineError(f"docker buildx build: {name} needs a value")
            options.values.setdefault(name, []).append(value if separator else waiting.pop(0))
        elif word in SWITCHES:
            options.switches.add(word)
        elif word.startswith("-"):
            raise PipelineError(f"docker buildx build: {name} is not supported by the local engine's docker")
        elif options.context:
            raise PipelineError(f"docker buildx build: a second folder, {word}")
        else:
            options.context = word
    if not options.context:
        raise PipelineError("docker buildx build: the build's folder is missing")
    return options


def _build(arguments: Sequence[str]) -> None:
    options = _options(arguments)
    platform = options.last("--platform", default=PLATFORM)
    if platform != PLATFORM:
        raise PipelineError(f"docker buildx build: --platform {platform}: the service runs {PLATFORM}")
    output = options.last("--output", default=OUTPUTS[0])
    if output not in OUTPUTS:
        raise PipelineError(f"docker buildx build: --output {output}: the local engine's docker knows {' and '.join(OUTPUTS)}")
    context = Path(options.context)
    file = Path(options.last("--file", "-f", default=str(context / "Dockerfile")))
    if not file.is_file():
        raise PipelineError(f"docker buildx build: there is no {file}")
    stages = parse(file.read_text(), options.pairs("--build-arg"))
    hidden = ignore.reader(context, file)
    image = build(stages, context, hidden=hidden, platform=platform, labels=options.pairs("--label"), say=_say)
    _store(image, Path(os.environ["KOTEI_HOME"]))
    tags = [*options.values.get("--tag", []), *options.values.get("-t", [])]
    predicates = _predicates(options, image, stages[-1].base)
    manifests = [image.manifest]
    if predicates:
        whole, statements = attest.index(image, predicates)
        manifests = [image.manifest, statements, whole]
    if "--push" in options.switches or "--output" in options.values:
        for tag in tags:
            registry.push(manifests, tag)
            _say(f"pushed {tag}@{digest(manifests[-1])}")
    metadata = options.last("--metadata-file")
    if metadata:
        Path(metadata).write_text(json.dumps({"containerimage.digest": image.digest, "image.name": ",".join(tags)}))


def _predicates(options: Options, image: Image, base: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if options.last("--sbom", default="false") != "false":
        found[attest.SPDX] = attest.sbom(image)
    if options.last("--provenance", default="false") != "false":
        found[attest.SLSA] = attest.provenance(base, options.pairs("--build-arg"))
    if found and "BUILDX_BUILDER" not in os.environ:
        # As the Docker engine says; its own builder holds no index.
        raise PipelineError("Attestation is not supported for the docker driver. Switch to a different driver, and try again.")
    return found


def _inspect(arguments: Sequence[str]) -> str:
    """The digest of what stands for the base image here: the nginx that the data plane runs."""
    match arguments:
        case [_, "--format", "{{.Manifest.Digest}}"]:
            return f"sha256:{hashlib.sha256(binary().read_bytes()).hexdigest()}"
        case _:
            raise PipelineError(
                "docker buildx imagetools inspect: the local engine's docker answers NAME --format '{{.Manifest.Digest}}' only"
            )


def _store(image: Image, home: Path) -> None:
    """Where the data plane finds what the registry only names."""
    folder = home / "images" / image.digest.replace(":", "-")
    if folder.exists():
        return
    fresh = folder.with_name(f"{folder.name}.{os.getpid()}")
    fresh.mkdir(parents=True)
    for name, content in (("layer.tar", image.layer), ("config.json", image.config), ("manifest.json", image.manifest)):
        (fresh / name).write_bytes(content)
    fresh.replace(folder)


def main(arguments: Sequence[str]) -> int:
    try:
        _run(arguments)
    except PipelineError as error:
        _say(f"ERROR: {error}")
        return 1
    return 0


def _run(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["login"]:
        # The emulated registry knows the caller by the request's credential.
        sys.stdin.read()
        _say("Login Succeeded")
    elif arguments[:3] == ["buildx", "imagetools", "inspect"]:
        sys.stdout.write(f"{_inspect(arguments[3:])}\n")
    elif arguments[:2] == ["buildx", "create"] and NEW_BUILDER.issuperset(arguments[2::2]):
        # There is one builder here, whatever it is called.
        _say("using the local engine's builder")
    elif arguments[:2] == ["buildx", "build"]:
        _build(arguments[2:])
    elif arguments[:1] == ["build"]:
        _build(arguments[1:])
    else:
        raise PipelineError(f"docker {' '.join(arguments[:2])}: is not supported by the local engine's docker")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
