"""What may differ for an origin: its protocol, who vouches for it, whom it wants to see, and how long it keeps a connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.grpc_call import ORIGIN, Call, call
from tests.support.http_client import Answer, ask, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import nginx
from tests.support.own_user import as_this_user
from tests.support.proxy import ORIGIN_PORT, Addresses, Proxy, environment, proxy, rendered
from tests.support.scripted_origin import ScriptedOrigin, scripted_origin

pytestmark = pytest.mark.nginx
SECRET = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:certificate-AbCdEf"
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "two": {"protocol": "http/2"},
    "calls": {"protocol": "grpc"},
    "partner": {"ca": "partner.pem"},
    "public": {"ca": "partner.pem"},
    "other": {"tls_name": "certificate.example.org"},
    "guarded": {"client_certificate": SECRET},
    "calls-guarded": {"client_certificate": SECRET, "protocol": "grpc"},
    "missing": {"client_certificate": SECRET},
    "stranger": {"client_certificate": SECRET},
    "brief": {"idle_timeout": 1},
}
SITES: list[dict[str, Any]] = [{"host": f"{name}.example.com", "origin": f"https://{name}.example.net"} for name in OPTIONS]
SITES.append({"host": "headers.example.com", "origin": "https://calls.example.net", "request_headers": {"X-Key": "1", "TE-Kept": "2"}})


@dataclass(frozen=True)
class Lab:
    proxy: Proxy
    origins: dict[str, ScriptedOrigin]

    def asked(self, name: str, uri: str = "/", *headers: str, **more: Any) -> Answer:
        return ask(self.proxy.address, request(f"{name}.example.com", uri, *headers, **more))

    def reason(self, name: str) -> str:
        return next(line for line in self.proxy.errors().splitlines() if f'host: "{name}.example.com"' in line)


@pytest.fixture(scope="module")
def lab(net: Addresses, dns: NameServer, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    partner, clients = trustme.CA(), trustme.CA()
    vouched = {
        "plain": (authority, None),
        "partner": (partner, None),
        "public": (authority, None),
        "other": (authority, None),
        **dict.fromkeys(("guarded", "missing", "stranger"), (authority, clients)),
        "brief": (authority, None),
    }
    prefix = tmp_path_factory.mktemp("proxy")
    _write(prefix / "etc/nginx/kotei/authorities/partner.pem", partner.cert_pem)
    for name, issuer in {"guarded": clients, "calls-guarded": clients, "stranger": trustme.CA()}.items():
        shown = issuer.issue_cert(f"proxy-{name}.example.com")
        _write(prefix / f"run/kotei/origin_{name}_example_net_443.pem", shown.private_key_and_cert_chain_pem)
    with ExitStack() as stack:
        origins: dict[str, ScriptedOrigin] = {}
        for number, (name, (issuer, wanted)) in enumerate(vouched.items()):
            certificate = issuer.issue_cert("certificate.example.org" if name == "other" else f"{name}.example.net")
            dns.addresses[f"{name}.example.net"] = [net[30 + number]]
            origins[name] = stack.enter_context(scripted_origin(net[30 + number], certificate, wanted))
        dns.addresses |= {f"{name}.example.net": [net[40]] for name in ("two", "calls", "calls-guarded")}
        folder = tmp_path_factory.mktemp("http2-origin")
        certificate = authority.issue_cert("*.example.net")
        _write(folder / "origin.pem", certificate.private_key_and_cert_chain_pem)
        _write(folder / "clients.pem", clients.cert_pem)
        stack.enter_context(nginx(as_this_user(ORIGIN % {"address": net[40]}), folder, net[40], ORIGIN_PORT))
        text = as_this_user(rendered(environment(SITES, origins=_origins()))).replace("flush=1s", "flush=100ms")
        found = [f"{name}.example.com/" for name in ("plain", "two", "calls", "partner", "other", "guarded", "calls-guarded", "brief")]
        yield Lab(stack.enter_context(proxy(text, prefix, net[41], dns, authority, urls=found)), origins)


def _origins() -> list[dict[str, Any]]:
    return [{"url": f"https://{name}.example.net", **options} for name, options in OPTIONS.items() if options]


def _write(path: Path, blob: trustme.Blob) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(blob.bytes())


def test_http2_to_the_origin(lab: Lab) -> None:
    answers = [lab.asked("two", "/a%2Fb//c?d=%20", method="POST", body=b"x" * 100_000) for _ in range(3)]
    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        assert answer.text == f"HTTP/2.0 POST /a%2Fb//c?d=%20 two.example.net te= key= cert=NONE {'x' * 100_000}"
    # One connection for all of them.
    assert len({answer.headers["X-Origin-Connection"] for answer in answers}) == 1


def test_http2_to_the_origin_has_no_headers_of_one_connection(lab: Lab) -> None:
    answer = lab.asked("two", "/", "Connection: Upgrade", "Upgrade: websocket", "TE: trailers")
    assert (answer.status, answer.headers["X-Origin-Upgrade"]) == (200, None)


@pytest.mark.parametrize(("te", "arrives"), [((), ""), ((("te", "trailers"),), "trailers")])
def test_grpc_call_with_its_trailers(lab: Lab, te: tuple[tuple[str, str], ...], arrives: str) -> None:
    message = b"\x00\x00\x00\x00\x05hello"
    answered = call(lab.proxy.address, "calls.example.com", "/kotei.Service/Method", message, *te)
    told = f"HTTP/2.0 POST /kotei.Service/Method calls.example.net te={arrives} key= cert=NONE ".encode() + message
    assert answered == Call(kinds="HDH", body=told, trailers={"grpc-status": "0", "grpc-message": "all is well"})


def test_grpc_site_with_headers_of_its_own(lab: Lab) -> None:
    answered = call(lab.proxy.address, "headers.example.com", "/a.B/C", b"", ("te", "trailers"), ("x-key", "theirs"))
    assert answered.body == b"HTTP/2.0 POST /a.B/C calls.example.net te=trailers key=1 cert=NONE "


@pytest.mark.parametrize("name", ["two", "calls"])
def test_origin_neither_steers_the_proxy_nor_names_the_request(lab: Lab, name: str) -> None:
    answer = lab.asked(name, "/steer")
    assert (answer.status, answer.text) == (200, "steered")
    assert len(answer.headers.get_all("X-Request-ID") or []) == 1
    assert answer.request_id != "the-origins-own"


def test_authority_of_an_origin_vouches_for_it(lab: Lab) -> None:
    assert lab.asked("partner").status == 200


def test_authority_of_an_origin_takes_the_place_of_the_public_ones(lab: Lab) -> None:
    assert lab.asked("public").status == 502
    assert "upstream SSL certificate verify error" in lab.reason("public")
    assert lab.origins["public"].requests == []


def test_name_in_the_origins_certificate(lab: Lab) -> None:
    answer = lab.asked("other")
    assert (answer.status, set(lab.origins["other"].tls_names)) == (200, {"certificate.example.org"})
    assert "\r\nHost: other.example.net\r\n" in answer.text


def test_origin_sees_who_the_proxy_is(lab: Lab) -> None:
    assert lab.asked("guarded").status == 200
    assert lab.asked("calls-guarded").text.endswith(" cert=SUCCESS ")
    assert lab.asked("calls").text.endswith(" cert=NONE ")


@pytest.mark.parametrize(("name", "status"), [("missing", 500), ("stranger", 502)])
def test_without_the_right_certificate_there_is_no_request_and_other_origins_serve(lab: Lab, name: str, status: int) -> None:
    answer = lab.asked(name)
    assert (answer.status, lab.origins[name].requests) == (status, [])
    assert lab.proxy.log_line(answer.request_id)["status"] == status
    assert lab.asked("plain").status == lab.asked("guarded").status == 200


def test_missing_certificate_is_named_in_the_log(lab: Lab) -> None:
    lab.asked("missing")
    assert "run/kotei/origin_missing_example_net_443.pem" in lab.reason("missing")


def test_idle_connections_are_closed_in_time(lab: Lab) -> None:
    for name in ("brief", "plain"):
        assert lab.asked(name, "/before").status == 200
    time.sleep(1.2)  # longer than brief's idle_timeout
    for name in ("brief", "plain"):
        assert lab.asked(name, "/after").status == 200
    brief, plain = ([lab.origins[name].asked(uri)[-1].connection for uri in ("/before", "/after")] for name in ("brief", "plain"))
    assert brief[0] != brief[1]
    assert plain[0] == plain[1]
