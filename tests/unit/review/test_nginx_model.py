"""Configurations as trees, the same that crossplane reads, and as what they do."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import crossplane
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline import nginx_config
from pipeline.review import nginx_read
from pipeline.review.address_sets import networks
from pipeline.review.nginx_model import Configuration
from pipeline.review.nginx_tokens import Directive, Unreadable, parse
from stacks import project
from stacks.environment import Environment
from tests.support.sites_strategy import environments
from tests.unit.test_samples import with_all_examples

ROOT = Path(__file__).resolve().parents[3]
RENDERED = sorted((ROOT / "docker/nginx/rendered").rglob("nginx.conf"))
WORDS = (
    "http {",
    "server {",
    "location / {",
    "}",
    ";",
    "listen",
    " 1 ",
    '"a b"',
    "'",
    '"',
    "\\",
    "#x",
    "\n",
    "${a}",
    "if ($a = b)",
    "map $a $b {",
    "é",
)


def rendered(env: Environment) -> str:
    return next(iter(nginx_config.files(env).values()))


@cache
def sample() -> Configuration:
    env = next(one for one in project.load(ROOT).environments if one.name == "production")
    return nginx_read.read(rendered(env))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """The sample with everything switched on, but for maintenance."""
    found = with_all_examples(tmp_path_factory.mktemp("samples")).environments
    env = next(one for one in found if one.name == "production")
    sites = tuple(site.model_copy(update={"maintenance": None}) for site in env.sites)
    return nginx_read.read(rendered(env.model_copy(update={"sites": sites})))


def as_crossplane_says(file: Path) -> tuple[Directive, ...]:
    payload = crossplane.parse(str(file), single=True, check_ctx=False, check_args=False, catch_errors=False)
    return tuple(directive(one) for one in payload["config"][0]["parsed"])


def directive(one: dict[str, Any]) -> Directive:
    block = tuple(directive(inner) for inner in one["block"]) if "block" in one else None
    return Directive(one["directive"], tuple(one["args"]), block)


@pytest.mark.parametrize("file", RENDERED, ids=lambda file: file.parent.name)
def test_a_rendered_configuration_is_read_as_crossplane_reads_it(file: Path) -> None:
    assert parse(file.read_text()) == as_crossplane_says(file)


@pytest.mark.parametrize(
    "text",
    [
        r"""a "b\"c" 'd\'e' "f'\x" 'g"h\\';""",
        "a b;c{d;}#e;\nf#g;",
        "a x${d}y \\; \\{ e\\ f;",
        'if ($a) { b; } if ( $a = b ) {} if ($a = "") { c \'x y\' ""; }',
    ],
)
def test_odd_spellings_are_read_as_crossplane_reads_them(text: str, tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(text)
    assert parse(text) == as_crossplane_says(file)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(env=environments())
def test_a_generated_configuration_is_read_as_crossplane_reads_it(env: Environment, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("generated") / "nginx.conf"
    file.write_text(rendered(env))
    assert parse(file.read_text()) == as_crossplane_says(file)


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=60) | st.lists(st.sampled_from(WORDS), max_size=30).map("".join))
@example("a{" * 5000 + "}" * 5000)
@example("http{server{server_name a;location{}}}")
@example("http{server{server_name a;if{}location / {return;proxy_pass;set;limit_req;}}}stream{server{listen 1;proxy_pass $a;}map a $a{}}")
@example('http{geo $allowed_0{x 1;}geo{}map;upstream;server{server_name a;if ($allowed_0 = ""){return 403;}}}')
def test_odd_text_is_read_or_called_unreadable(text: str) -> None:
    try:
        nginx_read.read(text)
    except Unreadable:
        with pytest.raises(Unreadable):
            parse(text)


@pytest.mark.parametrize("text", ["a", "a {", "a; }", "a b }", "a{" * 50 + "}" * 50, ";", "{}", 'a "b;', "a 'b;", "a { b }", "a \\"])
def test_what_nginx_would_refuse_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        parse(text)


def test_sites_have_their_names_paths_and_origins() -> None:
    site = sample().sites["api.example.com"]
    assert sample().sites["partner.example.com"] is site
    assert site.names == ("api.example.com", "partner.example.com")
    routes = {place: (route.kind, route.target) for place, route in site.routes.items() if route.kind != "denied"}
    assert routes == {
        ("", "/"): ("origin", "https://origin.example.net"),
        ("=", "/files"): ("origin", "https://files.example.net:8443"),
        ("", "/files/"): ("origin", "https://files.example.net:8443"),
    }
    assert {place for place, route in site.routes.items() if route.kind == "denied"} == {("=", "/admin"), ("", "/admin/")}
    assert site.settings["limit_req"] == "50r/s burst=100 nodelay"
    assert site.main.settings["proxy_read_timeout"] == "60s"
    assert site.main.settings["request header X-Real-IP"] == "$remote_addr"
    assert site.allowed is None


@pytest.mark.parametrize(
    ("place", "kind"),
    [(("=", "/admin"), "denied"), (("", "/admin/x/"), "denied"), (("=", "/administrator"), "origin"), (("=", "/admin/x"), "denied")],
)
def test_the_longest_prefix_serves_a_path(place: tuple[str, str], kind: str) -> None:
    assert sample().sites["api.example.com"].route(place).kind == kind


def test_everything_that_can_be_switched_on_is_seen(full: Configuration) -> None:
    site = full.sites["api.example.com"]
    assert site.allowed is not None
    assert networks(site.allowed) == ("203.0.113.0/28",)
    assert site.settings["limit_conn"] == "100"
    assert site.settings["request header X-Tenant"] == "partners"
    assert site.main.settings["methods"] == "GET, HEAD, POST"
    files = site.route(("", "/files/")).settings
    assert files["proxy_ssl_trusted_certificate"] == "/etc/nginx/kotei/authorities/partner.pem"
    assert files["proxy_ssl_certificate"] == "/run/kotei/origin_files_example_net_8443.pem"
    assert "~^/v1/(.*)$ -> /api/2019/$1" in site.route(("", "/v1/")).settings["rewrite"]
    assert site.route(("=", "/robots.txt")).target == "200 User-agent: *  Disallow: /"
    assert full.sites["stream.example.com"].settings["request header Upgrade"] == "$upgrade"
    assert {number: dict(port.names) for number, port in full.ports.items()} == {
        5432: {"": "db.example.net:5432"},
        8883: {"mqtt.example.com": "mqtt.example.net:8883"},
    }


def test_what_a_site_a_port_or_an_origin_explains_is_not_told_again(full: Configuration) -> None:
    told = full.rest.keys() - sample().rest.keys()
    assert {key for key in told if not key.startswith("stream ")} == set()


def test_a_port_is_called_as_clients_call_it() -> None:
    names = "map $server_port $listener_port { 20022 22; } upstream u { server s.example.net:22; }"
    text = f"stream {{ {names} server {{ listen 20022; proxy_pass u; }} }}"
    assert dict(nginx_read.read(text).ports[22].names) == {"": "s.example.net:22"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('default ""; 10.0.0.0/8 1;', ("10.0.0.0/8",)),
        ('default ""; 10.0.0.0/30 1; 10.0.0.1/32 "";', ("10.0.0.0/32", "10.0.0.2/31")),
        ('default 1; 0.0.0.0/1 "";', ("128.0.0.0/1", "::/0")),
        ('10.0.0.1/32 1; 10.0.0.0/30 "";', ("10.0.0.1/32",)),
        ('default "";', ()),
    ],
)
def test_the_most_specific_network_of_a_list_decides(lines: str, expected: tuple[str, ...]) -> None:
    gate = 'if ($allowed_0 = "") { return 403; }'
    site = nginx_read.read(f"http {{ geo $allowed_0 {{ {lines} }} server {{ server_name a; {gate} }} }}").sites["a"]
    assert site.allowed is not None
    assert networks(site.allowed) == expected
