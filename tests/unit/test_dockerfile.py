"""The local `docker buildx build`: what it understands, what it makes, what it refuses."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.local.image import __main__ as docker
from pipeline.local.image.build import Image, build
from pipeline.local.image.dockerfile import parse
from pipeline.local.image.ignore import reader

Make = Callable[..., Image]
DOCKERFILE = """
ARG BASE=public.ecr.aws/nginx/nginx-unprivileged:1
FROM ${BASE}
# a comment
LABEL a="b c" \\
      d=e
COPY conf/ /etc/nginx/kotei/
USER 101
EXPOSE 8080 8081/udp
VOLUME ["/run/kotei"]
STOPSIGNAL SIGQUIT
ENTRYPOINT []
"""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "nginx.conf").write_text("events {}\n")
    (tmp_path / "conf" / "secret").write_text("x")

    def made(text: str = DOCKERFILE, **arguments: str) -> Image:
        hidden = reader(tmp_path, tmp_path / "Dockerfile")
        return build(parse(text, arguments), tmp_path, hidden=hidden, platform="linux/arm64", labels={}, say=lambda _: None)

    return made


def files(image: Image) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as tar:
        return [member.name for member in tar if member.isfile()]


def test_the_configuration_and_the_files_of_an_image(make: Make) -> None:
    image = make(BASE="other@sha256:1")
    config = json.loads(image.config)
    assert (config["architecture"], config["os"]) == ("arm64", "linux")
    assert config["config"] == {
        "Labels": {"a": "b c", "d": "e"},
        "User": "101",
        "ExposedPorts": {"8080/tcp": {}, "8081/udp": {}},
        "Volumes": {"/run/kotei": {}},
        "StopSignal": "SIGQUIT",
        "Entrypoint": [],
    }
    assert files(image) == ["etc/nginx/kotei/nginx.conf", "etc/nginx/kotei/secret"]
    assert json.loads(image.manifest)["annotations"] == {"org.opencontainers.image.base.name": "other@sha256:1"}


def test_the_same_files_make_the_same_digest_and_others_another(make: Make, tmp_path: Path) -> None:
    first = make()
    (tmp_path / "conf" / "nginx.conf").touch()
    assert make().digest == first.digest
    (tmp_path / "conf" / "nginx.conf").write_text("events { }\n")
    assert make().digest != first.digest


def test_dockerignore_hides_files(make: Make, tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text("*\n!conf/\nconf/secret\n")
    assert files(make()) == ["etc/nginx/kotei/nginx.conf"]


STAGES = """
ARG BASE=base
FROM ${BASE} AS tried
COPY conf/ /image/etc/nginx/kotei/
RUN mkdir -p /image/run/kotei && chmod -R u=rwX,go=rX /image && chmod 0700 /image/run/kotei && chown 101:102 /image/run/kotei \\
    && find /image -exec touch -h -d @0 {} + && cp -r /image/etc/nginx/kotei /etc/nginx/kotei
RUN nginx -t -q -c /etc/nginx/kotei/nginx.conf
FROM ${BASE}
ARG BASE
LABEL base=$BASE
COPY --from=tried /image/ /
"""


def test_the_image_is_the_last_stage_and_has_only_what_it_copied(make: Make, tmp_path: Path) -> None:
    (tmp_path / "conf" / "nginx.conf").chmod(0o600)
    image = make(STAGES)
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as tar:
        found = {member.name: (member.mode, member.uid, member.gid) for member in tar}
    assert found == {
        "etc": (0o755, 0, 0),
        "etc/nginx": (0o755, 0, 0),
        "etc/nginx/kotei": (0o755, 0, 0),
        "etc/nginx/kotei/nginx.conf": (0o644, 0, 0),
        "etc/nginx/kotei/secret": (0o644, 0, 0),
        "run": (0o755, 0, 0),
        "run/kotei": (0o700, 101, 102),
    }
    assert json.loads(image.config)["config"] == {"Labels": {"base": "base"}}


def test_a_stage_does_not_see_what_was_declared_for_another(make: Make) -> None:
    with pytest.raises(PipelineError, match=r"line 4: \$BASE is declared by no ARG"):
        make("ARG BASE=base\nFROM $BASE\nCOPY conf/ /x/\nUSER $BASE\n")


def test_a_label_of_the_command_line_wins(tmp_path: Path) -> None:
    stages = parse("FROM base\nLABEL a=1 b=2\n", {})
    image = build(stages, tmp_path, hidden=lambda _: False, platform="linux/arm64", labels={"a": "3"}, say=lambda _: None)
    assert json.loads(image.config)["config"]["Labels"] == {"a": "3", "b": "2"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("HEALTHCHECK NONE", "line 3: HEALTHCHECK is not supported"),
        ("RUN apk add curl", "line 3: RUN apk add curl: `apk add curl` is not supported"),
        ("RUN chmod -R u=rwX,go=rX /etc && rm -r /etc", "`rm -r /etc` is not supported"),
        ("RUN chmod 0777 /etc; rm -r /etc", "is not supported"),
        ("RUN mkdir -p /../x", "/../x leads out of the image"),
        ("RUN find /etc -exec rm {} +", "`find /etc -exec rm .* is not supported"),
        ("COPY --chown=1 conf/ /x/", "line 3: COPY: --chown=1 is not supported"),
        ("COPY nothing /x", 'line 3: COPY: "/nothing": not found'),
        ("COPY ../x /x", "line 3: COPY: ../x is outside"),
        ("COPY --from=nowhere /etc/ /etc/", "line 3: COPY: nowhere is not an earlier stage"),
        ("COPY --from=0 /absent/ /etc/", "line 3: COPY: 0 is not an earlier stage"),
        ("COPY --chmod=644 conf/ /x/", "line 3: COPY: --chmod=644 is not supported"),
        ("FROM --platform=linux/arm64 base", "line 3: FROM .*: is not `FROM BASE`"),
        ("USER $WHO", r"line 3: \$WHO is declared by no ARG"),
        ("RUN nginx -t -c /etc/nginx/kotei/absent.conf", "absent.conf is not in the image"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(make: Make, line: str, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        make(f"FROM base\nCOPY conf/ /etc/nginx/kotei/\n{line}\n")


def test_a_build_argument_that_nobody_declares_is_refused(make: Make) -> None:
    with pytest.raises(PipelineError, match="--build-arg COLOUR is declared by no ARG"):
        make(COLOUR="red")


def test_a_configuration_that_nginx_refuses_fails_the_build(make: Make, tmp_path: Path) -> None:
    (tmp_path / "conf" / "nginx.conf").write_text("events {}\nhttp { server { colour red; } }\n")
    with pytest.raises(PipelineError, match='unknown directive "colour"'):
        make("FROM base\nCOPY conf/ /etc/nginx/kotei/\nRUN nginx -t -q -c /etc/nginx/kotei/nginx.conf\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "x"], "docker run x: is not supported"),
        (["buildx", "build", "--squash", "."], "--squash is not supported"),
        (["buildx", "build", "--platform", "linux/amd64", "."], "--platform linux/amd64: the service runs linux/arm64"),
        (["buildx", "build", "--output", "type=local,dest=x", "."], "--output type=local,dest=x: the local engine's docker knows"),
        (["buildx", "create", "--bootstrap"], "docker buildx create: is not supported"),
        (["buildx", "build"], "the build's folder is missing"),
    ],
)
def test_unknown_commands_and_options_are_refused(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert docker.main(arguments) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--sbom=true", "--provenance=mode=max"])
def test_the_engines_own_builder_makes_no_statements(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KOTEI_HOME", str(tmp_path))
    monkeypatch.delenv("BUILDX_BUILDER", raising=False)
    (tmp_path / "Dockerfile").write_text("FROM base\n")
    assert docker.main(["buildx", "build", option, str(tmp_path)]) == 1
    assert "Attestation is not supported for the docker driver" in capsys.readouterr().err
