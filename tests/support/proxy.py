"""The proxy as it is rendered, with a name server and TLS origins around it, all on loopback addresses of their own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from pipeline import nginx_check, nginx_config
from pipeline.nginx_translate import translated
from pipeline.paths import ROOT
from stacks.environment import Environment
from tests.support.http_client import HEALTH, ask, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE, Nginx, nginx

ORIGIN_PORT = 8443
NAME_SERVER_PORT = 8053


@dataclass(frozen=True)
class Addresses:
    """127.x.y.0/24 of this process, so that test runs side by side do not meet."""

    network: str

    def __getitem__(self, last: int) -> str:
        return f"{self.network}.{last}"


def addresses(tier: int) -> Addresses:
    pid = os.getpid()
    return Addresses(f"127.{tier + pid // 250 % 40}.{pid % 250 + 1}")


def environment(sites: list[dict[str, Any]], *, cpu: int = 256, memory: int = 512, **more: Any) -> Environment:
    """An environment whose sites, and what else is given, are what a test is about."""
    return Environment.model_validate(
        {
            "name": "test",
            "project": "kotei",
            "account": "111122223333",
            "pipeline_account": "111122223333",
            "region": "ap-northeast-1",
            "approval": "never",
            "network": {"create": {"cidr": "10.20.0.0/16", "zones": {"a": "10.20.0.0/24", "c": "10.20.1.0/24"}}},
            "access": {"allow": [{"cidr": "203.0.113.0/28", "note": "a partner"}]},
            "certificate": {"arn": "arn:aws:acm:ap-northeast-1:111122223333:certificate/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"},
            "service": {
                "cpu": cpu,
                "memory": memory,
                "min_tasks": 2,
                "max_tasks": 4,
                "on_demand_base": 1,
                "spot_percent": 0,
                "drain_seconds": 60,
            },
            "sites": sites,
            **more,
        }
    )


@dataclass(frozen=True)
class Proxy:
    nginx: Nginx

    @property
    def address(self) -> str:
        return self.nginx.address

    def log_line(self, request_id: str) -> dict[str, Any]:
        """The access log's line of a request; it is written within a second."""
        return self.log_line_with("request_id", request_id)

    def log_line_with(self, key: str, value: str) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            for line in self.log_lines():
                if line[key] == value:
                    return line
            time.sleep(0.05)
        raise AssertionError(f"no line with {key} {value}")

    def log_lines(self) -> list[dict[str, Any]]:
        # nginx writes whole lines, but this may look while it does so.
        text = (self.nginx.prefix / "stdout").read_bytes().decode(errors="replace")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def errors(self) -> str:
        return (self.nginx.prefix / "stderr").read_text()


def translated_for(text: str, prefix: Path, address: str, name_server: NameServer, authority: trustme.CA) -> str:
    prefix.mkdir(parents=True, exist_ok=True)
    nginx_check.copy_files(ROOT, prefix)
    authority.cert_pem.write_to_path(str(prefix / "ca.pem"))
    return translated(
        text,
        prefix=prefix,
        listen_address=address,
        resolver=f"{name_server.address}:{name_server.port}",
        internal_networks="",
        ca_bundle=prefix / "ca.pem",
        stdout=prefix / "stdout",
        stderr=prefix / "stderr",
    )


@contextmanager
def proxy(
    text: str, prefix: Path, address: str, name_server: NameServer, authority: trustme.CA, *, urls: Sequence[str] = ("api.example.com/",)
) -> Iterator[Proxy]:
    """`text` is a rendered nginx.conf; `urls` name, without a scheme, one request for each origin that has an address."""
    local = translated_for(text, prefix, address, name_server, authority)
    with nginx(local, prefix, address, HEALTH) as process:
        running = Proxy(process)
        for url in urls:
            _wait_until_origin_is_looked_up(running, url)
        yield running


def _wait_until_origin_is_looked_up(running: Proxy, url: str) -> None:
    """Names are looked up after nginx has begun to listen. Until then the log has the upstream's name in place of an address."""
    host, _, path = url.partition("/")
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            answer = ask(running.address, request(host, f"/{path}"))
        except ConnectionRefusedError:
            # nginx listens on one port after the other, and the health port is the first.
            continue
        if running.log_line(answer.request_id)["upstream_addr"][:1].isdigit():
            return
    raise AssertionError(f"the origin of {url} was never found")


def rendered(env: Environment) -> str:
    (text,) = nginx_config.files(env).values()
    return text


def origin_text(folder: Path, listen: list[str], certificates: dict[str, trustme.LeafCert]) -> str:
    """An nginx that ends TLS for each name with that name's certificate and answers with the request that it got, byte for byte."""
    folder.mkdir(parents=True, exist_ok=True)
    servers = []
    for index, (name, certificate) in enumerate(certificates.items()):
        key, chain = folder / f"{index}.key", folder / f"{index}.pem"
        certificate.private_key_pem.write_to_path(str(key))
        chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
        servers.append(
            _ORIGIN_SERVER % {"listen": "\n".join(f"listen {at} ssl;" for at in listen), "name": name, "key": key, "chain": chain}
        )
    return _ORIGIN % {"servers": "\n".join(servers)}


_ORIGIN = """
worker_processes 1;
error_log stderr warn;
pid origin.pid;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/f; scgi_temp_path tmp/s; uwsgi_temp_path tmp/u;
    default_type text/plain;
    merge_slashes off;
    keepalive_requests 1000000;
    large_client_header_buffers 8 64k;
    client_body_buffer_size 32m;
    client_max_body_size 0;
    server_names_hash_bucket_size 512;
    %(servers)s
}
"""
_ORIGIN_SERVER = """
server {
    %(listen)s
    server_name %(name)s;
    ssl_certificate %(chain)s;
    ssl_certificate_key %(key)s;
    add_header X-Request-ID the-origins-own always;
    add_header X-Origin-SNI $ssl_server_name always;
    add_header X-Origin-Connection $connection always;
    add_header X-Origin-Address $server_addr always;
    add_header X-Origin-TLS $ssl_protocol/$ssl_cipher always;
    location / { echo_read_request_body; echo -n $echo_client_request_headers; echo -n $request_body; }
    location = /slow { echo_sleep 3; echo slow; }
    location = /never { echo_sleep 60; echo never; }
    location = /redirect { return 302 $arg_to; }
    location = /large-header { %%(large)s return 200 large; }
    location = /steer { add_header X-Accel-Redirect /admin/x; return 200 steered; }
    location = /large-body { echo_duplicate 4194304 x; }
    location = /size/1024 { more_set_headers "Content-Length: 1024"; echo_duplicate 1024 x; }
    location = /size/102400 { more_set_headers "Content-Length: 102400"; echo_duplicate 102400 x; }
}
""".replace("%%(large)s", f"add_header X-Large {'x' * 4000}; " * 3)
