"""The lab on loopback: an HTTPS origin, a name server, and the subjects that stand between a client and the origin."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.bench import os_facts, programs
from tests.support.name_server import NameServer, name_server
from tests.support.proxy import NAME_SERVER_PORT, ORIGIN_PORT, Addresses

CONFIGS = Path(__file__).parent / "configs"
HOST = "api.example.com"
PORT = 8080
BODIES = {"1 KiB": 1024, "100 KiB": 100 * 1024, "10 MiB": 10 * 1024 * 1024}
DEADLINE = 30


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a subject is put: its folder, its address, and an address and a name of the origin that no other subject uses."""

    folder: Path
    address: str
    origin: str
    origin_name: str
    names: NameServer
    authority: trustme.CA

    def fill(self, config: str, **more: str) -> str:
        """The text of a file of `configs` with this place's values in it."""
        values = {
            "address": self.address,
            "host": HOST,
            "folder": str(self.folder),
            "origin": self.origin,
            "origin_name": self.origin_name,
            "resolver": f"{self.names.address}:{self.names.port}",
            "ca": str(self.folder / "ca.pem"),
            **more,
        }
        text = (CONFIGS / config).read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        return text


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something to send requests to; `process` is None for the origin itself."""

    name: str
    place: Place
    process: int | None

    @property
    def url(self) -> str:
        return f"http://{self.place.address}:{PORT}" if self.process else f"https://{self.place.origin}:{ORIGIN_PORT}"

    @property
    def target(self) -> tuple[str, int]:
        return (self.place.address, PORT) if self.process else (self.place.origin, ORIGIN_PORT)

    def connections(self) -> int:
        """How many connections to the origin it has had so far, which is how many TLS handshakes."""
        log = self.place.folder.parent / "origin" / f"{self.name}.log"
        return log.read_bytes().count(b"\n")


@contextmanager
def lab(folder: Path, net: Addresses, names: list[str], more_origin_names: list[str]) -> Iterator[dict[str, Place]]:
    """A place for each name. The origin's certificate is valid for `more_origin_names` too."""
    folder.chmod(0o755)  # started by root, nginx reads the bodies as nobody
    authority = trustme.CA()
    with name_server(net[53], NAME_SERVER_PORT) as resolver:
        places = {
            name: Place(
                folder=folder / name,
                address=net[60 + index],
                origin=net[120 + index],
                origin_name=f"{name}.example.net",
                names=resolver,
                authority=authority,
            )
            for index, name in enumerate(names)
        }
        for place in places.values():
            place.folder.mkdir(parents=True)
            (place.folder / "tmp").mkdir()
            authority.cert_pem.write_to_path(str(place.folder / "ca.pem"))
            resolver.addresses[place.origin_name] = [place.origin]
        with origin(folder / "origin", places, [*(place.origin_name for place in places.values()), *more_origin_names]):
            yield places


@contextmanager
def origin(folder: Path, places: dict[str, Place], certificate_for: list[str]) -> Iterator[None]:
    (folder / "tmp").mkdir(parents=True)
    certificate = next(iter(places.values())).authority.issue_cert(*certificate_for)
    certificate.private_key_pem.write_to_path(str(folder / "origin.key"))
    (folder / "origin.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    (folder / "size").mkdir()
    for size in BODIES.values():
        (folder / "size" / str(size)).write_bytes(b"x" * size)
    servers = "\n".join(_SERVER % {"name": name, "address": place.origin, "folder": folder} for name, place in places.items())
    conf = folder / "nginx.conf"
    conf.write_text((CONFIGS / "origin.conf").read_text().replace("@servers@", servers))
    for name in places:
        (folder / f"{name}.log").touch()
    command = nginx_command(folder, conf)
    with os_facts.on(os_facts.REST), started(command, folder) as process:
        for place in places.values():
            wait_until_it_listens(place.origin, ORIGIN_PORT, process, folder)
        yield


# 1 KiB comes from memory, so that the origin is not what is measured; the larger bodies are read from an open file.
_SERVER = f"""
    server {{
        listen %(address)s:{ORIGIN_PORT} ssl backlog=4096;
        http2 on;
        root %(folder)s;
        access_log %(name)s.log connection if=$first;
        location = /size/1024 {{ return 200 {"x" * 1024}; }}
    }}
"""


def nginx_command(folder: Path, conf: Path) -> list[str]:
    return [str(programs.nginx().path), "-p", str(folder), "-e", str(folder / "first-errors"), "-c", str(conf), "-g", "daemon off;"]


@contextmanager
def started(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """What it says goes to the folder's files `said` and `complaints`."""
    with (folder / "said").open("wb") as said, (folder / "complaints").open("wb") as complaints:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | (environment or {}), stdout=said, stderr=complaints)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(DEADLINE)


def wait_until_it_listens(address: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.002)
    complaints = "".join((folder / name).read_text() for name in ("said", "complaints"))
    raise RuntimeError(f"{process.args!r} does not listen on {address}:{port}: {complaints}")
