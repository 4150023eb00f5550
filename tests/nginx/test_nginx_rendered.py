"""The committed configuration of each environment, and what a hostile or wrong value becomes in one."""

from __future__ import annotations

import shutil
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import crossplane
import pytest

from pipeline import nginx_check, nginx_config, nginx_headers
from pipeline.errors import PipelineError
from pipeline.paths import NGINX_AUTHORITIES, NGINX_NAMES, NGINX_RENDERED, ROOT
from stacks.environment import Environment, PathRule, Site
from tests.support.proxy import environment

ENVIRONMENTS = sorted(path.parent.name for path in (ROOT / NGINX_RENDERED).glob("*/nginx.conf"))
SITE: dict[str, Any] = {"host": "api.example.com", "origin": "https://origin.example.net"}


def with_site(**changes: Any) -> Environment:
    """An environment whose site no validation has seen."""
    site = Site.model_construct(**{**environment([SITE]).sites[0].__dict__, **changes})
    return environment([SITE]).model_copy(update={"sites": (site,)})


def text_of(env: Environment) -> str:
    (text,) = nginx_config.files(env).values()
    return text


def written(env: Environment, root: Path) -> None:
    """A checkout with what a configuration needs beside it."""
    (root / NGINX_NAMES).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / NGINX_NAMES, root / NGINX_NAMES)
    shutil.copytree(ROOT / NGINX_AUTHORITIES, root / NGINX_AUTHORITIES, dirs_exist_ok=True)
    for name, text in nginx_config.files(env).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def directives(blocks: list[dict[str, Any]], name: str) -> list[list[str]]:
    found = [block["args"] for block in blocks if block["directive"] == name]
    for block in blocks:
        found += directives(block.get("block", []), name)
    return found


def parsed(path: Path) -> list[dict[str, Any]]:
    payload = crossplane.parse(str(path), single=True)
    assert payload["errors"] == []
    blocks: list[dict[str, Any]] = payload["config"][0]["parsed"]
    return blocks


def test_there_are_rendered_environments() -> None:
    assert ENVIRONMENTS


@pytest.mark.nginx
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_nginx_gixy_and_crossplane_are_content(name: str) -> None:
    assert nginx_check.findings(ROOT, name) == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_contract_of_the_image(name: str) -> None:
    blocks = parsed(ROOT / NGINX_RENDERED / name / "nginx.conf")
    assert directives(blocks, "pid") == [["/tmp/nginx.pid"]]
    assert directives(blocks, "user") == []
    assert {tuple(args) for args in directives(blocks, "resolver")} == {("127.0.0.1:8053", "valid=5s", "ipv6=off")}
    assert {args[0] for args in directives(blocks, "listen")} == {"8080", "8081", "127.0.0.1:8082", "127.0.0.1:8053"}
    assert [args[0] for args in directives(blocks, "access_log")] == ["/dev/stdout", "off", "off"]
    assert directives(blocks, "load_module") == [["modules/ngx_stream_js_module.so"]]
    assert directives(blocks, "js_import") == [["names", "from", "/etc/nginx/kotei/names.js"]]
    assert all(
        args[0].startswith("/tmp/") for key in ("client_body", "proxy", "fastcgi") for args in directives(blocks, f"{key}_temp_path")
    )
    # An include or a listed certificate would be a file that only one side of the review sees.
    assert directives(blocks, "include") == []


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_contract_of_every_answer_and_origin(name: str) -> None:
    blocks = parsed(ROOT / NGINX_RENDERED / name / "nginx.conf")
    # nginx would write redirects to http:// and to its own port.
    assert directives(blocks, "absolute_redirect") == [["off"]]
    # nginx inherits these only where a block has none of its own.
    (http,) = [block["block"] for block in blocks if block["directive"] == "http"]
    for block in (http, *(inner["block"] for inner in http if inner["directive"] == "server")):
        hidden = {one["args"][0] for one in block if one["directive"] == "proxy_hide_header"}
        added = {one["args"][0] for one in block if one["directive"] == "add_header"}
        sent = {one["args"][0] for one in block if one["directive"] == "proxy_set_header"}
        assert not hidden or hidden >= set(nginx_headers.HIDDEN)
        assert not added or "X-Request-ID" in added
        limited = any(one["directive"] in {"limit_req", "limit_conn"} for one in block)
        assert not limited or "Retry-After" in added
        assert not sent or sent >= {name for group in nginx_headers.groups("proxy") for name, _ in group.values}
    # Each name of an origin goes through the filter of DNS answers, and no location passes requests on without verified TLS.
    assert ["169.254.169.253:53"] in directives(blocks, "proxy_pass")
    assert all(args[1:] == ["resolve", "max_fails=0"] for args in directives(blocks, "server") if args)
    passed = [args[0] for args in directives(blocks, "proxy_pass") if args != ["169.254.169.253:53"]]
    assert passed
    assert all(url.startswith("https://origin_") for url in passed)
    assert directives(blocks, "proxy_ssl_verify") == [["on"]]
    assert len(directives(blocks, "proxy_ssl_name")) == len(passed)
    # Inside of a location only `return` is sure to do what it says.
    assert [block for block in inside_ifs(blocks) if block["directive"] not in {"set", "return"}] == []


def inside_ifs(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [inner for block in blocks if block["directive"] == "if" for inner in block["block"]]
    return found + [inner for block in blocks for inner in inside_ifs(block.get("block", []))]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_internal_networks_are_all_there(name: str) -> None:
    blocks = parsed(ROOT / NGINX_RENDERED / name / "nginx.conf")
    said = {args[0]: args[1] for args in directives(blocks, "js_var")}
    networks = [ip_network(network) for network in said["$internal_networks"].split()]
    inside = [
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "172.31.0.1",
        "192.168.0.1",
        "0.0.0.0",
        "255.255.255.255",
    ]
    outside = ["9.255.255.255", "100.128.0.0", "172.32.0.0", "192.0.2.1", "198.51.100.1", "203.0.113.1", "223.255.255.255"]
    assert [ip for ip in inside if not any(ip_address(ip) in network for network in networks)] == []
    assert [ip for ip in outside if any(ip_address(ip) in network for network in networks)] == []
    assert said["$internal_names"] == ""


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_first_line_names_the_source(name: str) -> None:
    first = (ROOT / NGINX_RENDERED / name / "nginx.conf").read_text().splitlines()[0]
    assert first == "# Generated by kotei render from docker/nginx/templates/nginx.conf.j2. Do not edit."


@pytest.mark.nginx
def test_every_option_of_a_site_at_once_is_accepted(tmp_path: Path) -> None:
    site = {
        **SITE,
        "aliases": [f"{'a' * 63}.{'b' * 63}.{'c' * 63}.example.com"],
        "host_header": "www.example.org",
        "max_body": 100,
        "websocket": True,
        "rate_limit": {"requests_per_second": 5, "burst": 10},
        "paths": [
            {"path": "/a/", "deny": True},
            {"path": "/a", "origin": "https://files.example.net:8443"},
            {"path": "/a/b/", "origin": "https://origin.example.net"},
        ],
    }
    written(environment([site, {**SITE, "host": "two.example.com"}]), tmp_path)
    assert nginx_check.findings(tmp_path, "test") == []


@pytest.mark.nginx
@pytest.mark.parametrize("path", ["/a b/", "/a;b/", "/a{1}/", "/a'b/", "/#a/", "/~ .*/", "/a}location / { return 200; }/"])
def test_odd_characters_in_a_path_stay_one_word(tmp_path: Path, path: str) -> None:
    env = with_site(paths=(PathRule.model_construct(path=path, origin=None, deny=True),))
    written(env, tmp_path)
    assert nginx_check.findings(tmp_path, "test") == []
    blocks = parsed(tmp_path / NGINX_RENDERED / "test" / "nginx.conf")
    assert [path] in directives(blocks, "location")


@pytest.mark.parametrize("value", ['a"; return 200; #', "a\nreturn 200;", "$host", "a\\", "a\x00b", "a\u2028b"])
@pytest.mark.parametrize("key", ["host", "host_header", "path"])
def test_value_that_nginx_would_not_read_as_text_is_refused(key: str, value: str) -> None:
    rule = PathRule.model_construct(path=f"/{value}", origin=None, deny=True)
    changes: dict[str, Any] = {"paths": (rule,)} if key == "path" else {key: value}
    with pytest.raises(PipelineError, match="cannot be written into nginx's configuration"):
        nginx_config.files(with_site(**changes))


def test_path_without_a_slash_is_refused() -> None:
    rule = PathRule.model_construct(path="~* .*", origin=None, deny=True)
    with pytest.raises(PipelineError, match="must begin with /"):
        nginx_config.files(with_site(paths=(rule,)))


def test_sites_share_the_upstream_of_a_common_origin() -> None:
    text = text_of(environment([SITE, {**SITE, "host": "two.example.com"}]))
    assert text.count("upstream origin_origin_example_net_443 {") == 1


@pytest.mark.nginx
def test_refused_configuration_is_named_with_its_line(tmp_path: Path) -> None:
    written(environment([SITE]), tmp_path)
    path = tmp_path / NGINX_RENDERED / "test" / "nginx.conf"
    lines = path.read_text().splitlines()
    line = lines.index("    server_tokens off;")
    lines[line] = "    server_tokens maybe;"
    path.write_text("\n".join(lines))
    found = nginx_check.findings(tmp_path, "test")
    assert f'docker/nginx/rendered/test/nginx.conf: nginx -t: emerg: invalid value "maybe", line {line + 1}' in found


@pytest.mark.nginx
@pytest.mark.parametrize(
    ("good", "bad", "finding"),
    [
        ("server_tokens off;", "server_tokens on;", "gixy: low: version_disclosure"),
        ("pid /tmp/nginx.pid;", "pid /var/run/nginx.pid;", "/var/run/nginx.pid is not a file"),
        ("pid /tmp/nginx.pid;", "pid /tmp/nginx.pid; }", 'crossplane: line {line}: unexpected "}"'),
    ],
)
def test_each_checker_is_heard(tmp_path: Path, good: str, bad: str, finding: str) -> None:
    written(environment([SITE]), tmp_path)
    path = tmp_path / NGINX_RENDERED / "test" / "nginx.conf"
    text = path.read_text()
    assert good in text
    path.write_text(text.replace(good, bad, 1))
    wanted = finding.replace("{line}", str(text[: text.index(good)].count("\n") + 1))
    assert any(wanted in line for line in nginx_check.findings(tmp_path, "test"))


def test_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    assert nginx_check.findings(tmp_path, "test") == ["docker/nginx/rendered/test/nginx.conf: is missing; run: kotei render"]
