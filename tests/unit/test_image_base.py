"""The base image's digest, asked of a registry that speaks the distribution API on this computer."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli, image_base
from pipeline.checks.image import base_problems
from pipeline.errors import PipelineError
from pipeline.image_base import Base

NAMED = Base(registry="public.ecr.aws", repository="nginx/x", tag="1.30.4-alpine3.24")
INDEX, MANIFEST = image_base.INDEX_TYPES[0], image_base.MANIFEST_TYPES[0]

Serve = Callable[[dict[str, bytes]], str]


def sha(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def registry(*, version: str = "1.30.4", architecture: str = "arm64") -> dict[str, bytes]:
    config = json.dumps({"config": {"Env": ["PATH=/bin", f"NGINX_VERSION={version}"]}}).encode()
    manifest = json.dumps({"mediaType": MANIFEST, "config": {"digest": sha(config)}}).encode()
    platforms = [
        {"digest": sha(b"another"), "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": sha(manifest), "platform": {"os": "linux", "architecture": architecture}},
    ]
    index = json.dumps({"mediaType": INDEX, "manifests": platforms}).encode()
    return {
        f"manifests/{NAMED.tag}": index,
        f"manifests/{sha(manifest)}": manifest,
        f"blobs/{sha(config)}": b"",
        f"elsewhere/{sha(config)}": config,
    }


class Registry(BaseHTTPRequestHandler):
    content: dict[str, bytes]

    def do_GET(self) -> None:
        path = self.path.removeprefix("/v2/nginx/x/")
        if self.path.startswith("/token/?"):
            self._answer(200, b'{"token": "t"}')
        elif path.startswith("/elsewhere/"):
            # A signed address refuses a second way to say who asks.
            self._answer(400 if "Authorization" in self.headers else 200, self.content[path[1:]])
        elif self.headers["Authorization"] != "Bearer t" or path not in self.content:
            self._answer(404, b"{}")
        elif path.startswith("blobs/"):
            self._answer(307, b"", Location=f"/elsewhere/{path.removeprefix('blobs/')}")
        else:
            self._answer(200, self.content[path])

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[HTTPServer] = []

    def started(content: dict[str, bytes]) -> str:
        server = HTTPServer(("127.0.0.1", 0), type("WithContent", (Registry,), {"content": content}))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield started
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_tag_is_resolved_to_the_digest_of_its_index(serve: Serve) -> None:
    content = registry()
    found = image_base.resolve(NAMED, serve(content))
    assert str(found) == f"public.ecr.aws/nginx/x:1.30.4-alpine3.24@{sha(content[f'manifests/{NAMED.tag}'])}"


@pytest.mark.parametrize("version", ["1.30.3", "1.28.9", "1.31.0", "1.31.2"])
def test_an_nginx_with_known_vulnerabilities_is_refused(serve: Serve, version: str) -> None:
    with pytest.raises(PipelineError, match=f"holds nginx {version}, which has known vulnerabilities; take 1.30.4 or 1.31.3, or later"):
        image_base.resolve(NAMED, serve(registry(version=version)))
    assert any("has known vulnerabilities" in problem for problem in base_problems(_dockerfile(version)))


@pytest.mark.parametrize("version", ["1.30.4", "1.31.3", "1.32.0"])
def test_a_sound_nginx_is_taken(serve: Serve, version: str) -> None:
    assert image_base.resolve(NAMED, serve(registry(version=version))).digest
    assert list(base_problems(_dockerfile(version))) == []


def _dockerfile(version: str) -> str:
    return f"ARG BASE=public.ecr.aws/nginx/nginx-unprivileged:{version}-alpine3.24\nFROM $BASE\n"


def test_a_base_without_an_arm_image_is_refused(serve: Serve) -> None:
    with pytest.raises(PipelineError, match="has no image for linux/arm64"):
        image_base.resolve(NAMED, serve(registry(architecture="arm")))


def test_a_manifest_that_is_not_what_was_asked_for_is_refused(serve: Serve) -> None:
    content = registry()
    manifest = next(path for path in content if path.startswith("manifests/sha256:"))
    content[manifest] += b" "
    with pytest.raises(PipelineError, match="the registry answered sha256:"):
        image_base.resolve(NAMED, serve(content))


def test_a_tag_that_is_gone_is_named(serve: Serve) -> None:
    with pytest.raises(PipelineError, match=r"manifests/1.30.4-alpine3.24: 404 .*is the tag in docker/Dockerfile still there"):
        image_base.resolve(NAMED, serve({}))


def test_without_the_internet_it_says_so() -> None:
    # Port 1 of this computer: nobody listens.
    with pytest.raises(PipelineError, match=r"127.0.0.1:1 cannot be reached .*this needs the internet"):
        image_base.resolve(NAMED, "http://127.0.0.1:1")


@pytest.mark.parametrize("digest", ["", f"sha256:{'0' * 64}"])
def test_the_digest_is_written_into_the_dockerfile_and_read_from_it(tmp_path: Path, digest: str) -> None:
    file = tmp_path / image_base.DOCKERFILE
    file.parent.mkdir()
    before = Base(registry="public.ecr.aws", repository="nginx/x", tag="1.30.4", digest=digest)
    file.write_text(f"# a comment\nARG BASE={before}\nFROM ${{BASE}} AS tried\n")
    assert image_base.read(file.read_text()) == before
    after = Base(registry="public.ecr.aws", repository="nginx/x", tag="1.31.3", digest=f"sha256:{'1' * 64}")
    image_base.pin(tmp_path, after)
    assert file.read_text() == f"# a comment\nARG BASE={after}\nFROM ${{BASE}} AS tried\n"


NOW, LATER = (f"ARG BASE={NAMED}@sha256:{digit * 64}\n" for digit in "12")


@pytest.mark.parametrize(
    ("arguments", "before", "code", "after"),
    [
        ([], NOW, 0, LATER),
        ([], LATER, 0, LATER),
        (["--exit-code"], NOW, 4, NOW),
        (["--exit-code"], LATER, 0, LATER),
    ],
)
def test_the_command_writes_the_pin_or_says_that_it_is_old(  # noqa: PLR0917  # a row of the table, and what reads it
    arguments: list[str], before: str, code: int, after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / image_base.DOCKERFILE
    file.parent.mkdir()
    file.write_text(before)
    monkeypatch.setattr("pipeline.commands.image.ROOT", tmp_path)
    monkeypatch.setattr(image_base, "resolve", lambda _: image_base.read(LATER))
    assert cli.main(["image", "pin", *arguments]) == code
    assert file.read_text() == after
