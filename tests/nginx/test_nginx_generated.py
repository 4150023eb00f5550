"""Whatever the sites model accepts becomes a configuration that nginx takes, and that routes as the model says."""

from __future__ import annotations

import itertools
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import crossplane
import pytest
import trustme
from hypothesis import HealthCheck, example, given, settings

from pipeline import nginx_check, nginx_config
from pipeline.paths import NGINX_AUTHORITIES, NGINX_NAMES, NGINX_RENDERED, ROOT
from stacks.environment import Environment, Site
from stacks.ports import HEALTH_PORT, TRAFFIC_PORT
from tests.support import reference_router
from tests.support.http_client import TRAFFIC, Answer, connect, read, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE, nginx
from tests.support.own_user import as_this_user
from tests.support.proxy import ORIGIN_PORT, Addresses, environment, rendered, translated_for
from tests.support.reference_router import Arrives, Refused
from tests.support.sites_strategy import AUTHORITY, ORIGINS, environments

pytestmark = pytest.mark.nginx
# An example is a whole configuration with many sites, and starts programs.
BOUNDED = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
METHODS = ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PROPFIND")
CLIENT = "127.0.0.1"
ORIGIN = """
worker_processes 1;
error_log stderr error;
pid origin.pid;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/f; scgi_temp_path tmp/s; uwsgi_temp_path tmp/u;
    keepalive_requests 1000000;
    large_client_header_buffers 8 64k;
    server {
        listen %(address)s:8443 ssl;
        listen %(address)s:9443 ssl;
        http2 on;
        ssl_certificate origin.pem;
        ssl_certificate_key origin.pem;
        ssl_verify_client optional_no_ca;
        add_header X-Seen "$ssl_server_name $server_port $http_host $request_uri" always;
        return 200;
    }
}
"""


def plain(sites: list[dict[str, Any]], **more: Any) -> Environment:
    return environment([{"origin": "https://one.example.net", **site} for site in sites], **more)


ONCE_WRONG = (
    plain([{"host": "a.example.com", "maintenance": {"message": "every site"}}]),
    plain([{"host": "a.example.com", "allow": ["10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9"]}]),
    plain([{"host": "a.example.com", "rate_limit": {"requests_per_second": 1, "burst": 0}, "connection_limit": 65_535}]),
    plain([{"host": "a.example.com", "paths": [{"path": f"/{'.' * 1023}", "rewrite": "/x"}]}]),
    plain([{"host": "a.example.com", "paths": [{"path": "/a", "answer": {"status": 200, "body": "x" * 4000}}]}]),
    plain(
        [{"host": "a.example.com"}],
        ports=[{"port": 1, "names": {f"{n}.{'b' * 63}.{'c' * 63}.example.com": "d.example.net:1" for n in range(1100)}}],
    ),
    plain(
        [{"host": "a.example.com", "request_headers": {f"X-{number:044}": "v" for number in range(32)}}],
        origins=[{"url": "https://one.example.net", "protocol": "grpc"}],
    ),
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Path:
    """The files that a rendered configuration needs beside it."""
    root = tmp_path_factory.mktemp("checkout")
    (root / NGINX_AUTHORITIES).mkdir(parents=True)
    shutil.copy(ROOT / NGINX_NAMES, root / NGINX_NAMES)
    authority.cert_pem.write_to_path(str(root / NGINX_AUTHORITIES / AUTHORITY))
    (root / NGINX_RENDERED / "test").mkdir(parents=True)
    return root


@BOUNDED
@given(env=environments())
@example(env=ONCE_WRONG[0])
@example(env=ONCE_WRONG[1])
@example(env=ONCE_WRONG[2])
@example(env=ONCE_WRONG[3])
@example(env=ONCE_WRONG[4])
@example(env=ONCE_WRONG[5])
@example(env=ONCE_WRONG[6])
def test_what_the_model_accepts_is_content(checkout: Path, env: Environment) -> None:
    ((name, text),) = nginx_config.files(env).items()
    (checkout / name).write_text(text)
    assert nginx_check.findings(checkout, env.name) == []
    assert rendered(Environment.model_validate(env.model_dump())) == text


def blocks(text: str, folder: Path) -> list[dict[str, Any]]:
    (folder / "parsed.conf").write_text(text)
    payload = crossplane.parse(str(folder / "parsed.conf"), single=True)
    assert payload["errors"] == []
    found: list[dict[str, Any]] = payload["config"][0]["parsed"]
    return found


def inside(found: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [block for block in found if block["directive"] == name]


def arguments(found: list[dict[str, Any]], name: str) -> list[list[str]]:
    return [block["args"] for block in inside(found, name)]


def places(site: Site) -> list[tuple[str, ...]]:
    """A location of nginx for each path of a site."""
    if site.maintenance:
        return [("/",)]
    paths = {rule.path for rule in site.paths}
    bare = {path.rstrip("/") for path in paths if path.endswith("/")} - paths
    return sorted([("/",), *((path,) if path.endswith("/") else ("=", path) for path in paths | bare)])


def authority_of(url: str) -> str:
    return f"{urlsplit(url).hostname}:{urlsplit(url).port or 443}"


@BOUNDED
@given(env=environments())
def test_configuration_read_back_is_the_model(checkout: Path, env: Environment) -> None:
    found = blocks(rendered(env), checkout)
    (http,), (stream,) = (inside(found, name) for name in ("http", "stream"))
    health, unknown, *servers = inside(http["block"], "server")
    assert arguments(health["block"], "listen")[0][0] == str(HEALTH_PORT)
    assert arguments(unknown["block"], "server_name") == [[""]]
    assert [arguments(server["block"], "server_name") for server in servers] == [[[site.host, *site.aliases]] for site in env.sites]
    assert [sorted(map(tuple, arguments(server["block"], "location"))) for server in servers] == [places(site) for site in env.sites]
    assert {args[0] for server in servers for args in arguments(server["block"], "listen")} == {str(TRAFFIC_PORT)}
    wanted = {url for site in env.sites for url in (site.origin, *(rule.origin for rule in site.paths)) if url}
    upstreams = inside(http["block"], "upstream")
    assert sorted(arguments(one["block"], "server")[0][0] for one in upstreams) == sorted({authority_of(url) for url in wanted})
    assert len({one["args"][0] for one in upstreams}) == len(upstreams)
    further = inside(stream["block"], "upstream")
    assert sorted(arguments(one["block"], "server")[0][0] for one in further) == sorted(at for port in env.ports for at in port.endpoints)
    # The first server is the one that DNS goes through.
    assert len(inside(stream["block"], "server")) == 1 + len(env.ports)


@dataclass
class Client:
    """One connection for many requests; a new one where the proxy closes it."""

    address: str
    sock: socket.socket | None = field(default=None)

    def ask(self, raw: bytes, method: str) -> Answer:
        self.sock = self.sock or connect(self.address)
        self.sock.sendall(raw)
        answer = read(self.sock, method)
        if answer.headers["Connection"] == "close":
            self.close()
        return answer

    def close(self) -> None:
        if self.sock:
            self.sock.close()
            self.sock = None


def uris(path: str) -> Iterator[str]:
    """The path of a rule, its neighbours, and other ways of writing it."""
    bare = path.rstrip("/")
    yield from (path, bare, f"{bare}/", f"{path}x", f"{bare}/x/y?q=/../%zz", f"/{path}", f"{bare}//x", f"{bare}/./x", f"{bare}/../x")
    yield from (
        f"/q/..{path}",
        f"{path}%{ord('x'):x}",
        f"/%{ord(path[1]):02X}{path[2:]}",
        f"/%2f{path[1:]}",
        f"{bare}%2Fx",
        f"{bare}/%2e%2E",
    )
    yield from (f"{bare}/%2e/x", f"{path.upper()}", f"{path}?a=b%20c", f"{bare}/%25", f"{bare}/..x/.y", f"{bare}/a%00", f"{bare}/%3f/%23")
    yield from (f"{bare}/../..", f"{bare}/../../../../x", f"{bare}/x/..%2f..", f"{bare}/.")


def hosts(site: Site) -> Iterator[str]:
    yield from (site.host, *site.aliases, site.host.upper(), f"{site.host}.", f"{site.host}:8443", f"x.{site.host}"[-250:])


def requests(env: Environment) -> Iterator[tuple[str, str, str]]:
    methods = itertools.cycle(METHODS)
    for site in env.sites:
        for host in hosts(site):
            yield host, next(methods), "/"
        for rule in site.paths:
            for method in METHODS:
                yield site.host, method, rule.path
            for uri in uris(rule.path):
                yield site.host, "GET", uri


@pytest.fixture(scope="module")
def origin(net: Addresses, dns: NameServer, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One nginx is every origin; it says which name and port it was asked under."""
    names = sorted({urlsplit(url).hostname or "" for url in ORIGINS})
    dns.addresses |= {name: [net[60]] for name in names}
    folder = tmp_path_factory.mktemp("every-origin")
    authority.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(str(folder / "origin.pem"))
    with nginx(as_this_user(ORIGIN % {"address": net[60]}), folder, net[60], ORIGIN_PORT):
        yield


@pytest.mark.usefixtures("origin")
@settings(BOUNDED, max_examples=20)
@given(env=environments(limited=False))
def test_requests_go_where_the_model_says(
    net: Addresses, dns: NameServer, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory, env: Environment
) -> None:
    prefix = tmp_path_factory.mktemp("proxy")
    _write_certificates(env, prefix, authority)
    local = translated_for(as_this_user(rendered(env)), prefix, net[61], dns, authority)
    with nginx(local, prefix, net[61], TRAFFIC), closing(Client(net[61])) as client:
        for host, method, uri in requests(env):
            wanted = reference_router.answer(env, CLIENT, host, method, uri)
            got = client.ask(request(host, uri, method=method), method)
            end = time.monotonic() + DEADLINE
            # Names are looked up after nginx has begun to listen.
            while got.status == 502 and isinstance(wanted, Arrives) and time.monotonic() < end:
                got = client.ask(request(host, uri, method=method), method)
            assert outcome(got, wanted, method) == wanted, (host, method, uri)


def _write_certificates(env: Environment, prefix: Path, authority: trustme.CA) -> None:
    authorities, secrets = prefix / "etc/nginx/kotei/authorities", prefix / "run/kotei"
    authorities.mkdir(parents=True)
    secrets.mkdir(parents=True)
    authority.cert_pem.write_to_path(str(authorities / AUTHORITY))
    for origin in env.origins:
        if origin.client_certificate:
            upstream = "origin_" + authority_of(origin.url).replace(".", "_").replace(":", "_")
            authority.issue_cert("proxy.example.com").private_key_and_cert_chain_pem.write_to_path(str(secrets / f"{upstream}.pem"))


def outcome(got: Answer, wanted: Arrives | Refused, method: str) -> Arrives | Refused:
    """What was seen, as far as the model says something about it."""
    seen = got.headers["X-Seen"]
    if seen and got.status == 200:
        name, port, host, uri = seen.split(" ")
        return Arrives(name=name, port=443 if port == str(ORIGIN_PORT) else int(port), host=host, uri=uri)
    of_model = wanted if isinstance(wanted, Refused) else Refused(status=0)
    return Refused(
        status=got.status,
        allow=frozenset((got.headers["Allow"] or "").split(", ")) - {""},
        location=got.headers["Location"],
        body=None if of_model.body is None else of_model.body if method == "HEAD" and got.body == b"" else got.text,
    )


def many(count: int) -> Environment:
    paths = [{"path": "/a/", "deny": True}, {"path": "/b/", "rewrite": "/c/"}]
    return plain(
        [{"host": f"h{number}.example.com", "origin": f"https://o{number}.example.net", "paths": paths} for number in range(count)]
    )


def test_a_thousand_sites(checkout: Path) -> None:
    text = rendered(many(1000))
    assert len(rendered(many(2000))) < 2.1 * len(text)
    folder = checkout / "thousand"
    folder.mkdir()
    nginx_check.copy_files(checkout, folder)
    local = nginx_check.readable(text, folder)
    assert local.count("\n") == text.count("\n")
    assert nginx_check._nginx(checkout, text) == []
