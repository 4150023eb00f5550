"""Whatever differs in what the proxy does is told; what means the same is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import nginx_config
from pipeline.review.compare import compare
from pipeline.review.model import Finding, Side, Stack
from pipeline.review.nginx_tokens import parse
from pipeline.review.rules import sites
from stacks import project
from stacks.environment import Environment
from tests.support.sites_strategy import environments

ROOT = Path(__file__).resolve().parents[3]
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
COMMENTS = re.compile(r"^\s*#.*\n", re.MULTILINE)
ENVIRONMENT = next(one for one in project.load(ROOT).environments if one.name == "production")


def rendered(env: Environment) -> str:
    return next(iter(nginx_config.files(env).values()))


def findings(before: str | None, after: str | None) -> tuple[Finding, ...]:
    return tuple(one for rule in sites.RULES for one in rule.judge(compare("production", Side(nginx=before), Side(nginx=after))))


def with_site(env: Environment, number: int = 0, **changes: Any) -> Environment:
    sites_now = (*env.sites[:number], env.sites[number].model_copy(update=changes), *env.sites[number + 1 :])
    return env.model_copy(update={"sites": sites_now})


@SLOW
@given(before=environments(), after=environments())
def test_two_environments_differ_in_words_exactly_if_they_differ(before: Environment, after: Environment) -> None:
    old, new = rendered(before), rendered(after)
    assert bool(findings(old, new)) == (parse(old) != parse(new))
    assert findings(old, COMMENTS.sub("", old)) == ()


@SLOW
@given(env=environments(), data=st.data())
def test_each_site_that_differs_is_told_of(env: Environment, data: st.DataObject) -> None:
    """However small the difference: one key of one site takes its default, or another site's value."""
    number = data.draw(st.integers(0, len(env.sites) - 1))
    other = env.sites[data.draw(st.integers(0, len(env.sites) - 1))]
    keys = (
        "methods",
        "allow",
        "read_timeout",
        "max_body",
        "rate_limit",
        "connection_limit",
        "response_headers",
        "request_headers",
        "streaming",
    )
    different = [key for key in keys if getattr(env.sites[number], key) != getattr(other, key)]
    if not different:
        return
    key = data.draw(st.sampled_from(different))
    old, new = rendered(env), rendered(with_site(env, number, **{key: getattr(other, key)}))
    if server(old, env.sites[number].host) == server(new, env.sites[number].host):
        return
    about = [one for one in findings(old, new) if env.sites[number].host in one.text or one.resource == "every site"]
    assert about, key


def server(text: str, host: str) -> str:
    return re.sub(r"_\d+", "_", next(one for one in text.split("    server {") if f"server_name {host}" in one))


@SLOW
@given(env=environments(), data=st.data())
def test_each_path_that_goes_or_comes_is_told_of(env: Environment, data: st.DataObject) -> None:
    with_paths = [number for number, site in enumerate(env.sites) if site.paths and not site.maintenance]
    if not with_paths:
        return
    number = data.draw(st.sampled_from(with_paths))
    site = env.sites[number]
    gone = data.draw(st.sampled_from(site.paths))
    full, less = rendered(env), rendered(with_site(env, number, paths=tuple(path for path in site.paths if path != gone)))
    for pair in ((full, less), (less, full)):
        # /a alone says nothing new beside /a/, where both are treated alike.
        said = (f"{site.host}{gone.path}", f"{site.host} is written differently")
        assert [one for one in findings(*pair) if one.text.startswith(said)]


def test_sites_in_another_order_are_safe() -> None:
    env = ENVIRONMENT.model_copy(update={"sites": ENVIRONMENT.sites[::-1]})
    (only,) = findings(rendered(ENVIRONMENT), rendered(env))
    assert only.verdict == "safe"
    assert "another order" in only.text


def test_what_is_done_to_every_site_is_said_once() -> None:
    smaller = tuple(site.model_copy(update={"max_body": 1}) for site in ENVIRONMENT.sites)
    (only,) = findings(rendered(ENVIRONMENT), rendered(ENVIRONMENT.model_copy(update={"sites": smaller})))
    assert only.resource == "every site"
    assert only.verdict == "risky"


def test_a_new_site_does_not_change_the_others() -> None:
    data = ENVIRONMENT.model_dump()
    first = {"host": "a.example.com", "origin": "https://origin.example.net", "allow": ("203.0.113.0/28",)}
    data["sites"] = (first, *data["sites"])
    (only,) = findings(rendered(ENVIRONMENT), rendered(Environment.model_validate(data)))
    assert (only.rule, only.resource) == ("site-added", "a.example.com")
    assert only.text.endswith("goes to https://origin.example.net, for 203.0.113.0/28 only")


def test_the_first_origin_that_speaks_grpc_changes_no_other_site() -> None:
    data = ENVIRONMENT.model_dump()
    data["sites"][0]["paths"] += ({"path": "/calls/", "origin": "https://calls.example.net"},)
    data["origins"] += ({"url": "https://calls.example.net", "protocol": "grpc"},)
    found = findings(rendered(ENVIRONMENT), rendered(Environment.model_validate(data)))
    assert {one.resource for one in found} == {"api.example.com/calls/", ""}
    assert {one.verdict for one in found if one.resource == ""} == {"safe"}


def test_another_origin_is_one_sentence_for_all_paths_that_follow_the_site() -> None:
    data = ENVIRONMENT.model_dump()
    data["sites"][0]["paths"] += ({"path": "/slow/", "read_timeout": 300},)
    before = Environment.model_validate(data)
    after = with_site(before, origin="https://new.example.net", host_header="new.example.net")
    (only,) = [one for one in findings(rendered(before), rendered(after)) if one.rule != "proxy-setting"]
    assert (only.rule, only.resource) == ("route-changed", "api.example.com")
    assert "goes to https://new.example.net (as host new.example.net) from now on" in only.text


def test_a_header_of_a_site_is_one_sentence() -> None:
    headers = {"response_headers": {**ENVIRONMENT.sites[0].response_headers, "X-Note": "hello"}}
    (only,) = findings(rendered(ENVIRONMENT), rendered(with_site(ENVIRONMENT, **headers)))
    assert only.text == "api.example.com: header X-Note of answers hello is new"


def test_of_what_is_live_only_the_stacks_are_known() -> None:
    live = Side(stacks={"service": Stack(stack="service", path="", name="kotei-production-service", template={})})
    comparison = compare("production", live, Side(stacks=live.stacks, nginx=rendered(ENVIRONMENT)))
    assert [one for rule in sites.RULES for one in rule.judge(comparison)] == []


def test_the_first_further_port_is_one_sentence() -> None:
    data = ENVIRONMENT.model_dump()
    data["ports"] = ({"port": 22, "origin": "files.example.net:22"},)
    (only,) = findings(rendered(ENVIRONMENT), rendered(Environment.model_validate(data)))
    assert (only.rule, only.resource, only.verdict) == ("port-added", "port 22", "safe")


def test_an_environment_that_comes_or_goes_is_one_sentence() -> None:
    text = rendered(ENVIRONMENT)
    (new,) = findings(None, text)
    (gone,) = findings(text, None)
    assert (new.rule, new.verdict, gone.rule, gone.verdict) == ("site-added", "safe", "site-removed", "risky")
    assert "api.example.com, stream.example.com" in new.text


def replaced(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("edit", "rule", "verdict"),
    [
        (replaced("rate=50r/s", "rate=60r/s"), "proxy-setting", "safe"),
        (replaced("rate=50r/s", "rate=40r/s"), "client-limit-tightened", "risky"),
        (replaced("burst=100", "burst=20"), "client-limit-tightened", "risky"),
        (replaced(" burst=100", ""), "client-limit-tightened", "risky"),
        (replaced("burst=100 nodelay", "burst=100"), "client-limit-tightened", "risky"),
        (replaced("client_max_body_size 10m", "client_max_body_size 0"), "proxy-setting", "safe"),
        (replaced("client_max_body_size 10m", "client_max_body_size 1024k"), "client-limit-tightened", "risky"),
        (replaced("proxy_connect_timeout 5s", "proxy_connect_timeout 1m"), "proxy-setting", "safe"),
        (replaced("proxy_connect_timeout 5s", "proxy_connect_timeout $odd"), "client-limit-tightened", "risky"),
        (replaced("worker_shutdown_timeout 105s", "worker_shutdown_timeout 90s"), "client-limit-tightened", "risky"),
        (replaced("worker_shutdown_timeout 105s", "worker_shutdown_timeout 120s"), "proxy-setting", "safe"),
        (replaced("X-Real-IP $remote_addr", "X-Real-IP $http_x_real_ip"), "proxy-guard", "risky"),
        (replaced('X-Client-IP "";', 'X-Client-IP "";proxy_set_header X-More "";'), "proxy-setting", "safe"),
        (replaced("if ($unclear) {", "if ($nothing) {"), "proxy-guard", "risky"),
        (replaced("10.0.0.0/8 ", ""), "origin-trust", "risky"),
        (replaced("return 421", "return 404"), "proxy-guard", "risky"),
        (replaced("max-age=31536000", "max-age=1"), "answer-header-weakened", "risky"),
        (replaced("keepalive_timeout 50s", "keepalive_timeout 20s"), "proxy-setting", "safe"),
        (replaced("https://origin_files", "http://origin_files"), "route-changed", "risky"),
        (replaced("X-Request-ID $request_id;", "x-request-id $request_id;"), "proxy-guard", "risky"),
        (replaced("worker_connections 8192", "worker_connections 4096"), "proxy-setting", "safe"),
    ],
)
def test_what_another_text_means(edit: Callable[[str], str], rule: str, verdict: str) -> None:
    text = rendered(ENVIRONMENT)
    assert edit(text) != text
    found = findings(text, edit(text))
    assert (rule, verdict) in {(one.rule, one.verdict) for one in found}, found
    assert "risky" not in {one.verdict for one in found} or verdict == "risky", found
