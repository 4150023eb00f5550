"""docker/Dockerfile, built for real on a stand-in for its base: what is in the image, and that the same commit makes the same layer."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
import trustme

from pipeline.paths import NGINX_RENDERED, ROOT
from tests.support import stand_in_base
from tests.support.stand_in_base import Buildah

pytestmark = [pytest.mark.nginx, pytest.mark.skipif(bool(stand_in_base.missing()), reason=stand_in_base.missing() or "-")]

AUTHOR = ("-c", "user.name=test", "-c", "user.email=test@example.com")
# What a pull waits for beyond the base; a thousand sites are more, two environments of a few sites must not be.
LARGEST_LAYER = 64 * 1024


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *AUTHOR, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Buildah:
    program = Buildah(tmp_path_factory.mktemp("storage"))
    if said := stand_in_base.make(program, tmp_path_factory.mktemp("base")):
        pytest.skip(f"buildah cannot build here: {said}")
    return program


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with what the build needs, as it is in the working tree."""
    folder = tmp_path_factory.mktemp("commit")
    shutil.copytree(ROOT / "docker", folder / "docker")
    shutil.copy(ROOT / ".dockerignore", folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


def cloned(commit: Path, folder: Path) -> Path:
    git(commit, "clone", "--quiet", ".", str(folder))
    return folder


def build(buildah: Buildah, folder: Path, tag: str) -> subprocess.CompletedProcess[str]:
    revision = git(folder, "rev-parse", "HEAD")
    arguments = ["--build-arg", f"BASE={stand_in_base.NAME}", "--build-arg", f"REVISION={revision}"]
    return buildah.build(folder, *arguments, "--file", "docker/Dockerfile", "--tag", tag)


@pytest.fixture(scope="module")
def image(buildah: Buildah, commit: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    made = build(buildah, cloned(commit, tmp_path_factory.mktemp("one") / "checkout"), "one")
    assert made.returncode == 0, made.stderr
    return "localhost/one"


@pytest.fixture(scope="module")
def members(buildah: Buildah, image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tarfile.TarInfo]:
    added = stand_in_base.layers(buildah, image, tmp_path_factory.mktemp("pushed"))[-1]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(added))) as tar:
        return {member.name: member for member in tar}


@pytest.fixture
def checkout(commit: Path, tmp_path: Path) -> Path:
    return cloned(commit, tmp_path / "checkout")


def test_the_same_commit_makes_the_same_layer(buildah: Buildah, image: str, checkout: Path) -> None:
    """In another folder, by a person with another umask, in another year, and without an option that would rewrite times."""
    for path in [checkout, *checkout.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (10**9, 10**9))
    assert build(buildah, checkout, "two").returncode == 0
    base = buildah.settings(stand_in_base.NAME)["rootfs"]["diff_ids"]
    first, second = (buildah.settings(name)["rootfs"]["diff_ids"] for name in (image, "localhost/two"))
    assert first[: len(base)] == base
    assert len(first) == len(base) + 1
    assert first == second


def test_what_the_image_is_started_with(buildah: Buildah, image: str, commit: Path) -> None:
    config = buildah.settings(image)["config"]
    assert config["User"] == "101"
    assert config["StopSignal"] == "SIGQUIT"
    assert config["Volumes"] == {"/run/kotei": {}}
    assert {port.removesuffix("/tcp") for port in config["ExposedPorts"]} == {"8080", "8081"}
    # The base has both.
    assert "Entrypoint" not in config
    assert "Cmd" not in config
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert {"title", "description"} < set(labels)
    assert labels["revision"] == labels["version"] == git(commit, "rev-parse", "HEAD")


def test_the_image_adds_nothing_but_what_is_named(members: dict[str, tarfile.TarInfo], commit: Path) -> None:
    source = commit / "docker/nginx"
    copied = [path.relative_to(commit / NGINX_RENDERED) for path in (commit / NGINX_RENDERED).rglob("*.*")]
    copied += [path.relative_to(source) for path in [source / "names.js", source / "secrets.sh", *(source / "authorities").iterdir()]]
    assert {name for name, member in members.items() if member.isfile()} == {f"etc/nginx/kotei/{path}" for path in copied}


def test_the_user_of_the_proxy_may_write_one_folder(members: dict[str, tarfile.TarInfo]) -> None:
    found = {(stat.S_IMODE(member.mode), member.uid, member.gid) for name, member in members.items() if name != "run/kotei"}
    assert found == {(0o644, 0, 0), (0o755, 0, 0)}
    folder = members["run/kotei"]
    assert (stat.S_IMODE(folder.mode), folder.uid, folder.gid) == (0o700, 101, 101)
    # In the base it is the user's, who could move our folder away.
    assert members["etc/nginx"].uid == 0


def test_the_image_is_little_more_than_its_base(buildah: Buildah, image: str, tmp_path: Path) -> None:
    assert len(stand_in_base.layers(buildah, image, tmp_path / "pushed")[-1]) < LARGEST_LAYER


def refused_at(environment: str, made: subprocess.CompletedProcess[str]) -> bool:
    """By the step. What nginx said cannot be relied on: buildah's chroot may end before it has passed a program's last lines on."""
    assert made.returncode != 0
    return f'building at STEP "RUN nginx -t -q -c /etc/nginx/kotei/{environment}/nginx.conf"' in made.stderr


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_configuration_that_nginx_refuses_is_no_image(buildah: Buildah, checkout: Path, environment: str) -> None:
    conf = checkout / NGINX_RENDERED / environment / "nginx.conf"
    conf.write_text(conf.read_text().replace("http {\n", "http {\n    colour red;\n", 1))
    assert refused_at(environment, build(buildah, checkout, "refused"))


def test_a_script_that_njs_refuses_is_no_image(buildah: Buildah, checkout: Path) -> None:
    names = checkout / "docker/nginx/names.js"
    names.write_text(names.read_text() + "function (\n")
    assert refused_at("staging", build(buildah, checkout, "refused"))


def inside(buildah: Buildah, image: str, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    container = buildah("from", "--pull-never", image).stdout.strip()
    variables = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    try:
        return buildah("run", "--isolation", "chroot", *variables, container, "--", "/bin/sh", "-c", script)
    finally:
        buildah("rm", container)


def test_the_container_before_nginx_can_write_what_nginx_reads(buildah: Buildah, image: str) -> None:
    leaf = trustme.CA().issue_cert("client.example.net")
    chain = "".join(blob.bytes().decode() for blob in leaf.cert_chain_pems)
    given = {"NAME": "bank", "CERTIFICATE": chain, "PRIVATE_KEY": leaf.private_key_pem.bytes().decode()}
    script = "/bin/sh /etc/nginx/kotei/secrets.sh && ls -ln /run/kotei && id -u"
    ran = inside(buildah, image, script, **{f"KOTEI_CLIENT_1_{name}": value for name, value in given.items()})
    assert ran.returncode == 0, ran.stderr
    _, listed, user = ran.stdout.splitlines()
    mode, _, owner, group, *_, name = listed.split()
    assert (mode, owner, group, name, user) == ("-r--------", "101", "101", "bank.pem", "101")


@pytest.mark.parametrize(
    "attempt", ["mv /etc/nginx/kotei /etc/nginx/other", "touch /etc/nginx/kotei/x", "chmod a+w /etc/nginx/kotei/names.js"]
)
def test_the_user_of_the_proxy_cannot_change_its_configuration(buildah: Buildah, image: str, attempt: str) -> None:
    # What the container says is sometimes lost when it ends at once, so the script itself looks at what is left.
    still = "test -f /etc/nginx/kotei/names.js && test ! -w /etc/nginx/kotei/names.js && test ! -e /etc/nginx/kotei/x"
    ran = inside(buildah, image, f"test -w /run/kotei && ! {attempt} && {still}")
    assert ran.returncode == 0, ran.stderr
