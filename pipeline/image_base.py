"""The base of the proxy's image: what docker/Dockerfile names, and what its registry has under that tag now."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.whole_file import write

DOCKERFILE = Path("docker/Dockerfile")
REGISTRY = "public.ecr.aws"
ARGUMENT = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)
NAME = re.compile(r"(?P<registry>[^/@]+)/(?P<repository>[^:@]+):(?P<tag>[\w][\w.-]*)(@(?P<digest>sha256:[0-9a-f]{64}))?")
PLATFORM = ("linux", "arm64")
INDEX_TYPES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST_TYPES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
SECONDS = 30
# nginx below these has open vulnerabilities in map and rewrite (CVE-2026-42533): of the stable line, and of the one before the next stable.
STABLE, MAINLINE = (1, 30, 4), (1, 31, 3)


@dataclass(frozen=True, kw_only=True)
class Base:
    """`digest` is empty where the Dockerfile leaves it to the build."""

    registry: str
    repository: str
    tag: str
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.registry}/{self.repository}:{self.tag}" + (f"@{self.digest}" if self.digest else "")


def vulnerable(version: tuple[int, ...]) -> bool:
    return version < (STABLE if version < MAINLINE[:2] else MAINLINE)


def read(text: str) -> Base:
    found = ARGUMENT.findall(text)
    match = NAME.fullmatch(found[0]) if len(found) == 1 else None
    if match is None:
        raise PipelineError(f"{DOCKERFILE}: has no one line `ARG BASE=registry/repository:tag`, with or without @sha256:...")
    named = match.groupdict(default="")
    return Base(registry=named["registry"], repository=named["repository"], tag=named["tag"], digest=named["digest"])


def pin(root: Path, base: Base) -> None:
    file = root / DOCKERFILE
    write(file, ARGUMENT.sub(lambda _: f"ARG BASE={base}", file.read_text()))


def resolve(base: Base, address: str = f"https://{REGISTRY}") -> Base:
    """The base as its registry has it now: the digest of the tag's index, once it is seen to hold an ARM image of a sound nginx."""
    if base.registry != REGISTRY:
        raise PipelineError(f"{DOCKERFILE}: the base is in {base.registry}; only {REGISTRY} can be asked here")
    registry = _Registry(address=address, repository=base.repository, token=_token(address, base.repository))
    index, digest = registry.manifest(base.tag, INDEX_TYPES)
    of_arm = [entry for entry in index.get("manifests", []) if _platform(entry) == PLATFORM]
    if not of_arm:
        raise PipelineError(f"{base}: has no image for {'/'.join(PLATFORM)}; choose another tag")
    image, _ = registry.manifest(str(of_arm[0]["digest"]), MANIFEST_TYPES)
    version = _nginx_version(registry.blob(str(image["config"]["digest"])))
    if version is None:
        raise PipelineError(f"{base}: does not say which nginx it holds (NGINX_VERSION); choose another tag")
    if vulnerable(version):
        least = " or ".join(".".join(map(str, one)) for one in (STABLE, MAINLINE))
        raise PipelineError(f"{base}: holds nginx {'.'.join(map(str, version))}, which has known vulnerabilities; take {least}, or later")
    return Base(registry=base.registry, repository=base.repository, tag=base.tag, digest=digest)


def _platform(entry: Mapping[str, Any]) -> tuple[str, str]:
    platform = entry.get("platform", {})
    return str(platform.get("os")), str(platform.get("architecture"))


def _nginx_version(config: Mapping[str, Any]) -> tuple[int, ...] | None:
    for line in config.get("config", {}).get("Env") or []:
        if match := re.fullmatch(r"NGINX_VERSION=(\d+)\.(\d+)\.(\d+)", line):
            return tuple(int(part) for part in match.groups())
    return None


@dataclass(frozen=True, kw_only=True)
class _Registry:
    """Reads of one repository: the OCI distribution API."""

    address: str
    repository: str
    token: str

    def manifest(self, reference: str, types: tuple[str, ...]) -> tuple[dict[str, Any], str]:
        content = self._read(f"manifests/{reference}", ", ".join(types))
        digest = _digest(content)
        if reference.startswith("sha256:") and reference != digest:
            raise PipelineError(f"{self.repository}: the registry answered {digest} when it was asked for {reference}")
        document = json.loads(content)
        # A registry that ignores what is accepted answers with something else.
        if document.get("mediaType", types[0]) not in types:
            raise PipelineError(f"{self.repository}:{reference}: is {document['mediaType']}, not {types[0]}; choose another tag")
        return document, digest

    def blob(self, digest: str) -> dict[str, Any]:
        content = self._read(f"blobs/{digest}", "*/*")
        if _digest(content) != digest:
            raise PipelineError(f"{self.repository}: the registry answered {_digest(content)} when it was asked for {digest}")
        document: dict[str, Any] = json.loads(content)
        return document

    def _read(self, path: str, accept: str) -> bytes:
        request = urllib.request.Request(f"{self.address}/v2/{self.repository}/{path}", headers={"Accept": accept})  # noqa: S310  # https, or a test
        # Blobs are elsewhere, behind a signed address that refuses a second way to say who asks.
        request.add_unredirected_header("Authorization", f"Bearer {self.token}")
        return _fetch(request)


def _token(address: str, repository: str) -> str:
    """Anybody gets one."""
    query = urllib.parse.urlencode({"service": REGISTRY, "scope": f"repository:{repository}:pull"})
    request = urllib.request.Request(f"{address}/token/?{query}")  # noqa: S310  # https, or a test
    return str(json.loads(_fetch(request))["token"])


def _fetch(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310  # https, or a test
            content: bytes = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            raise PipelineError(f"{request.full_url}: {error.code} {error.reason}; is the tag in {DOCKERFILE} still there?") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError) as error:
        why = getattr(error, "reason", None) or error
        raise PipelineError(
            f"{request.host} cannot be reached ({why}): this needs the internet. "
            f"Without a digest in {DOCKERFILE} the pipeline finds one when it builds"
        ) from error
    return content


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
