"""A base image made from nothing but programs of this computer, where the real one cannot be pulled, and buildah to build on it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from pipeline.nginx_check import binary

NAME = "localhost/stand-in-base:1"
# The real base's entrypoint, command, user and owners: what the Dockerfile has to take away or keep.
CONTAINERFILE = """FROM scratch
ADD base.tar /
ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin
RUN ["/bin/busybox", "true"]
USER 101
ENTRYPOINT ["/docker-entrypoint.sh"]
CMD ["nginx", "-g", "daemon off;"]
"""
# njs is in this nginx, which as a static program cannot load a module. And buildah's chroot hands no /dev/stderr to a user that is not
# root, as runc does. So nginx reads a copy without the one, and with files for the other.
WRAPPER = """#!/bin/sh
folder=$(mktemp -d /tmp/tried.XXXXXX) || exit 1
conf=""
for word; do
    [ "$before" != -c ] || conf=$word
    before=$word
done
sed -e '/^ *load_module /d' -e "s#/dev/std\\(out\\|err\\)#$folder/std\\1#" "$conf" >"$folder/nginx.conf" || exit 1
nginx.real -p /etc/nginx -e "$folder/first" "$@" -c "$folder/nginx.conf"
code=$?
cat "$folder/first" "$folder/stderr" >&2 2>/dev/null
exit $code
"""


@dataclass(frozen=True)
class Buildah:
    """Storage of its own, and no engine: `chroot` and `vfs` need neither mounts nor namespaces."""

    storage: Path

    def __call__(self, *arguments: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        places: list[str | Path] = ["--root", self.storage / "root", "--runroot", self.storage / "run", "--storage-driver", "vfs"]
        return subprocess.run(["buildah", *places, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120)

    def build(self, folder: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
        return self("build", "--isolation", "chroot", "--format", "oci", "--no-cache", "--pull-never", *options, ".", folder=folder)

    def settings(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("inspect", "--type", "image", image).stdout)["OCIv1"]
        return found


def missing() -> str:
    """What this computer lacks, or nothing."""
    busybox = shutil.which("busybox")
    if shutil.which("buildah") is None:
        return "needs buildah"
    if busybox is None or b"/ld-linux" in Path(busybox).read_bytes():
        return "needs a static busybox (Debian: busybox-static)"
    return ""


def make(buildah: Buildah, folder: Path) -> str:
    """What the builder says when it cannot build here, or nothing. Nothing of the project is in this image."""
    (folder / "Containerfile").write_text(CONTAINERFILE)
    _tar(folder / "base.tar")
    made = buildah.build(folder, "--file", "Containerfile", "--tag", NAME)
    return "" if made.returncode == 0 else made.stderr


def _tar(path: Path) -> None:
    busybox = Path(str(shutil.which("busybox"))).resolve()
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    users = "root:x:0:0::/:/bin/sh\nnginx:x:101:101::/:/sbin/nologin\n"
    with tarfile.open(path, "w") as tar:
        for name in ("bin", "dev", "etc", "etc/ssl", "etc/ssl/certs", "proc", "run", "sys", "usr", "usr/sbin"):
            _folder(tar, name, 0o755, 0)
        _folder(tar, "tmp", 0o1777, 0)
        _folder(tar, "etc/nginx", 0o775, 101)
        _file(tar, "bin/busybox", busybox.read_bytes(), 0o755)
        for applet in applets:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            if applet != "busybox":
                tar.addfile(link)
        _file(tar, "usr/sbin/nginx.real", binary().read_bytes(), 0o755)
        _file(tar, "usr/sbin/nginx", WRAPPER.encode(), 0o755)
        _file(tar, "docker-entrypoint.sh", b"#!/bin/sh\n", 0o755)
        _file(tar, "etc/passwd", users.encode(), 0o644)
        _file(tar, "etc/group", b"root:x:0:\nnginx:x:101:\n", 0o644)
        _file(tar, "etc/ssl/certs/ca-certificates.crt", trustme.CA().cert_pem.bytes(), 0o644)


def _folder(tar: tarfile.TarFile, name: str, mode: int, owner: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.uid = tarfile.DIRTYPE, mode, owner
    tar.addfile(entry)


def _file(tar: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def layers(buildah: Buildah, image: str, folder: Path) -> list[bytes]:
    """The layers of an image as a registry would get them: gzipped archives, the base's first."""
    pushed = buildah("push", "--quiet", image, f"oci:{folder}:x")
    assert pushed.returncode == 0, pushed.stderr
    (listed,) = json.loads((folder / "index.json").read_text())["manifests"]
    manifest = json.loads(_blob(folder, listed["digest"]))
    return [_blob(folder, layer["digest"]) for layer in manifest["layers"]]


def _blob(folder: Path, digest: str) -> bytes:
    return (folder / "blobs" / digest.replace(":", "/")).read_bytes()
