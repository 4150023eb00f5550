"""Every rule of an environment's file: what is written, and the sentence that its author reads."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stacks.environment import ConfigError
from stacks.project import load

FILE = "stacks/environments/test.toml"
TODAY = date(2030, 1, 1)
EXISTING = {"vpc": "vpc-0123456789abcdef0", "zones": {"a": "subnet-0123456789abcdef0", "c": "subnet-0123456789abcdef1"}}
ISSUED = {"name": "example.com", "alternative_names": ["*.example.com"], "hosted_zone": "Z0123456789ABC"}

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("missing key", {"account": None}, ["account: is missing: The AWS account that this environment lives in, 12 digits"]),
    ("missing section", {"service": None}, ["service: is missing: The proxy's tasks"]),
    ("missing nested", {"service.cpu": None}, ["service.cpu: is missing: CPU units of one task; 1024 are one vCPU"]),
    (
        "missing in list",
        {"access.allow.0.note": None},
        ["access.allow[0].note: is missing: Who that is, for the next person; it is shown on the rule in AWS"],
    ),
    ("misspelled", {"aproval": "never"}, ["aproval: is not a key here; did you mean approval?"]),
    ("misspelled nested", {"access.alow": []}, ["access.alow: is not a key here; did you mean allow?"]),
    (
        "unknown",
        {"service.colour": "red"},
        [
            "service.colour: is not a key here; there are cpu, memory, min_tasks, max_tasks, on_demand_base, spot_percent, cpu_target_percent, strategy, canary, blue_green, drain_seconds, max_header, cache_size, log_days"
        ],
    ),
    (
        "unknown in list",
        {"sites.0.upstream": "x"},
        [
            "sites[0].upstream: is not a key here; there are host, aliases, origin, host_header, paths, connect_timeout, read_timeout, max_body, websocket, streaming, cache, methods, request_headers, response_headers, rate_limit, connection_limit, allow, maintenance"
        ],
    ),
    (
        "unknown odd key",
        {"odd key": 1},
        [
            "'odd key': is not a key here; there are name, project, account, region, pipeline_account, pipeline_region, replicate_image, approval, deploy_window, freeze, verify, alarm_email, network, addresses, access, certificate, loadbalancer, service, sites, origins, ports"
        ],
    ),
    ("text for number", {"service.cpu": "256"}, ["service.cpu: '256' is not a whole number (without quotes)"]),
    ("fraction", {"service.cpu": 256.0}, ["service.cpu: 256.0 is not a whole number (without quotes)"]),
    ("boolean for number", {"service.min_tasks": True}, ["service.min_tasks: true is not a whole number (without quotes)"]),
    ("number for text", {"account": 111122223333}, ["account: 111122223333 is not a text in quotes"]),
    ("number for boolean", {"loadbalancer.cross_zone": 1}, ["loadbalancer.cross_zone: 1 is neither true nor false (without quotes)"]),
    (
        "text for date",
        {"access.allow.1.expires": "2030-01-31"},
        ["access.allow[1].expires: '2030-01-31' is not a date; write it like 2035-03-31, without quotes"],
    ),
    (
        "text for list",
        {"sites.0.aliases": "partner.example.com"},
        ["sites[0].aliases: 'partner.example.com' is not a list in square brackets"],
    ),
    ("text for table", {"network": "10.0.0.0/16"}, ["network: '10.0.0.0/16' is not a table of keys and values"]),
    ("literal", {"approval": "sometimes"}, ["approval: 'sometimes' is not allowed; choose 'always', 'risky' or 'never'"]),
    (
        "long value",
        {"approval": "x" * 200},
        [
            "approval: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... is not allowed; choose 'always', 'risky' or 'never'"
        ],
    ),
    ("name pattern", {"name": "Test"}, ["name: 'Test' is not a name: 2 to 14 of a-z, 0-9 and single '-', beginning with a letter"]),
    (
        "name long",
        {"name": "aaaaaaaaaaaaaaa"},
        ["name: 'aaaaaaaaaaaaaaa' is not a name: 2 to 14 of a-z, 0-9 and single '-', beginning with a letter"],
    ),
    ("name file", {"name": "other"}, ["name: 'other' is not the name of this file; write 'test', or rename the file to other.toml"]),
    (
        "name of the pipeline's own part",
        {"name": "shared"},
        [
            "name: 'shared' is the name of the pipeline's own part; choose another one",
            "name: 'shared' is not the name of this file; write 'test', or rename the file to shared.toml",
        ],
    ),
    ("project other", {"project": "another"}, ["project: 'another' is not the project of pipeline/pipeline.toml, 'demo'"]),
    ("account digits", {"account": "11112222333"}, ["account: '11112222333' is not an AWS account id: 12 digits in quotes"]),
    (
        "pipeline account",
        {"pipeline_account": "444455556666"},
        ["pipeline_account: '444455556666' is not the account of pipeline/pipeline.toml, '111122223333'"],
    ),
    ("region form", {"region": "tokyo"}, ["region: 'tokyo' is not a region of the partition aws, like 'ap-northeast-1'"]),
    ("region gov", {"region": "us-gov-west-1"}, ["region: 'us-gov-west-1' is not a region of the partition aws, like 'ap-northeast-1'"]),
    (
        "email",
        {"alarm_email": "team at example.com"},
        ["alarm_email: 'team at example.com' is not an e-mail address, like 'team@example.com'"],
    ),
    (
        "cron fields",
        {"deploy_window.cron": "9-17 ? * MON-FRI"},
        [
            "deploy_window.cron: '9-17 ? * MON-FRI' has 4 fields; it needs second, minute, hour, day of month, month, day of week and, if you like, year, like '* * 9-17 ? * MON-THU'"
        ],
    ),
    (
        "cron hour",
        {"deploy_window.cron": "* * 9-24 ? * MON-FRI"},
        ["deploy_window.cron: '* * 9-24 ? * MON-FRI': '9-24' is no hour; allowed are 0 to 23, lists 1,2, ranges 1-2, steps */2, '*'"],
    ),
    (
        "cron day",
        {"deploy_window.cron": "* * 9-17 ? * MON-FRY"},
        [
            "deploy_window.cron: '* * 9-17 ? * MON-FRY': 'MON-FRY' is no day of week; allowed are 1 to 7 or SUN to SAT, lists 1,2, ranges 1-2, steps */2, '*', or '?'"
        ],
    ),
    (
        "cron backwards",
        {"deploy_window.cron": "* * 17-9 ? * MON-FRI"},
        ["deploy_window.cron: '* * 17-9 ? * MON-FRI': '17-9' is no hour; allowed are 0 to 23, lists 1,2, ranges 1-2, steps */2, '*'"],
    ),
    (
        "cron two days",
        {"deploy_window.cron": "* * * * * MON"},
        ["deploy_window.cron: '* * * * * MON': exactly one of day of month and day of week has to be '?'"],
    ),
    (
        "cron year",
        {"deploy_window.cron": "* * * ? * MON 26"},
        ["deploy_window.cron: '* * * ? * MON 26': '26' is no year; allowed are 1970 to 2199, lists 1,2, ranges 1-2, steps */2, '*'"],
    ),
    (
        "timezone",
        {"deploy_window.timezone": "Asia/Tokio"},
        ["deploy_window.timezone: 'Asia/Tokio' is not a name of the time zone database; write it like 'Asia/Tokyo' or 'UTC'"],
    ),
    (
        "timezone folder",
        {"deploy_window.timezone": "Asia"},
        ["deploy_window.timezone: 'Asia' is not a name of the time zone database; write it like 'Asia/Tokyo' or 'UTC'"],
    ),
    (
        "single address",
        {"access.allow.0.cidr": "203.0.113.7"},
        ["access.allow[0].cidr: '203.0.113.7' is not an IP network; the one address is '203.0.113.7/32'"],
    ),
    (
        "host bits",
        {"access.allow.0.cidr": "203.0.113.7/28"},
        ["access.allow[0].cidr: '203.0.113.7/28' has host bits set; the network is '203.0.113.0/28', the one address '203.0.113.7/32'"],
    ),
    (
        "everybody",
        {"access.allow.0.cidr": "0.0.0.0/0"},
        [
            "access.allow[0].cidr: '0.0.0.0/0' lets 4294967296 addresses in; the widest network is a /8. To let everybody in, set access.open = true with a reason",
            "access.allow[1].cidr: '198.51.100.0/24' overlaps access.allow[0]: '0.0.0.0/0' holds '198.51.100.0/24' already; remove one",
        ],
    ),
    (
        "half of everybody",
        {"access.allow.0.cidr": "128.0.0.0/1"},
        [
            "access.allow[0].cidr: '128.0.0.0/1' lets 2147483648 addresses in; the widest network is a /8. To let everybody in, set access.open = true with a reason",
            "access.allow[1].cidr: '198.51.100.0/24' overlaps access.allow[0]: '128.0.0.0/1' holds '198.51.100.0/24' already; remove one",
        ],
    ),
    (
        "multicast",
        {"access.allow.0.cidr": "224.0.0.0/8"},
        ["access.allow[0].cidr: '224.0.0.0/8' is reserved (loopback, link-local, multicast or future use); nobody has an address there"],
    ),
    (
        "duplicate client",
        {"access.allow.1.cidr": "203.0.113.0/28"},
        ["access.allow[1].cidr: '203.0.113.0/28' is in access.allow[0] already; remove one"],
    ),
    (
        "contained client",
        {"access.allow.1.cidr": "203.0.113.4/32"},
        ["access.allow[1].cidr: '203.0.113.4/32' overlaps access.allow[0]: '203.0.113.0/28' holds '203.0.113.4/32' already; remove one"],
    ),
    (
        "containing client",
        {"access.allow.1.cidr": "203.0.113.0/24"},
        ["access.allow[1].cidr: '203.0.113.0/24' overlaps access.allow[0]: '203.0.113.0/24' holds '203.0.113.0/28' already; remove one"],
    ),
    ("empty note", {"access.allow.0.note": " "}, ["access.allow[0].note: is empty; write a sentence that the next person understands"]),
    ("note lines", {"access.allow.0.note": "a\nb"}, ["access.allow[0].note: 'a\\nb' holds a control character; write one plain line"]),
    (
        "expired",
        {"access.allow.1.expires": date(2029, 12, 31)},
        [
            "access.allow[1].expires: 2029-12-31 is over (198.51.100.0/24, 例示銀行 (Example Bank's VPN)); renew the date or remove the entry"
        ],
    ),
    ("nobody", {"access.allow": []}, ["access.allow: is empty, so nobody can connect; list who may, with cidr and note"]),
    (
        "open no reason",
        {"access.allow": None, "access.open": True},
        ["access.reason: is missing: access.open = true lets the whole internet in; say why"],
    ),
    (
        "reason lines",
        {"access": {"open": True, "reason": "a\nb"}},
        ["access.reason: holds a control character; write one plain line"],
    ),
    (
        "open and allow",
        {"access.open": True, "access.reason": "Public API"},
        ["access.allow: says nothing while access.open = true lets everybody in; remove one of the two"],
    ),
    (
        "too many",
        {"access.allow": [{"cidr": f"198.51.100.{number}/32", "note": "One of many"} for number in range(61)]},
        ["access.allow: has 61 entries; a security group takes 60, so join neighbouring networks"],
    ),
    ("no certificate", {"certificate.arn": None}, ["certificate: needs exactly one of arn and name; given: none"]),
    (
        "two certificates",
        {"certificate.name": "example.com"},
        [
            "certificate: needs exactly one of arn and name; given: arn and name",
        ],
    ),
    (
        "arn form",
        {"certificate.arn": "arn:aws:iam::111122223333:server-certificate/x"},
        [
            "certificate.arn: 'arn:aws:iam::111122223333:server-certificate/x' is not a certificate of AWS Certificate Manager: arn:aws:acm:<region>:<account>:certificate/<id>"
        ],
    ),
    (
        "arn region",
        {"certificate.arn": "arn:aws:acm:us-east-1:111122223333:certificate/00000000-1111-2222-3333-444444444444"},
        ["certificate.arn: is in us-east-1; a load balancer needs one in its own region, ap-northeast-1"],
    ),
    (
        "arn account",
        {"certificate.arn": "arn:aws:acm:ap-northeast-1:444455556666:certificate/00000000-1111-2222-3333-444444444444"},
        ["certificate.arn: belongs to account 444455556666; a load balancer needs one of its own account, 111122223333"],
    ),
    (
        "no zone",
        {"certificate": ISSUED, "certificate.hosted_zone": None},
        ["certificate.hosted_zone: is missing: the Route 53 zone that proves that certificate.name is yours, like 'Z0123456789ABC'"],
    ),
    (
        "zone form",
        {"certificate": {**ISSUED, "hosted_zone": "/hostedzone/Z1"}},
        ["certificate.hosted_zone: '/hostedzone/Z1' is not the id of a Route 53 hosted zone, like 'Z0123456789ABCDEFGHIJ'"],
    ),
    (
        "not covered",
        {"certificate": {**ISSUED, "alternative_names": ["api.example.com", "stream.example.com"]}},
        [
            "sites[0].aliases[0]: 'partner.example.com' is not covered by the certificate (example.com, api.example.com, stream.example.com); add it to certificate.alternative_names"
        ],
    ),
    (
        "wildcard one label",
        {"certificate": ISSUED, "sites.1.host": "a.stream.example.com"},
        [
            "sites[1].host: 'a.stream.example.com' is not covered by the certificate (example.com, *.example.com); add it to certificate.alternative_names"
        ],
    ),
    (
        "arn with names",
        {"certificate.alternative_names": ["example.com"]},
        ["certificate.alternative_names: belongs to certificate.name; a certificate given by arn has its names already"],
    ),
    (
        "names twice",
        {"certificate": {**ISSUED, "alternative_names": ["*.example.com", "example.com"]}},
        ["certificate.alternative_names[1]: 'example.com' is named twice; remove one"],
    ),
    (
        "wildcard place",
        {"certificate": {**ISSUED, "alternative_names": ["*.example.com", "api.*.example.com"]}},
        [
            "certificate.alternative_names[1]: 'api.*.example.com' is not a host name: the part '*' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"
        ],
    ),
    (
        "ssl policy",
        {"loadbalancer.ssl_policy": "ELBSecurityPolicy-2016-08"},
        [
            "loadbalancer.ssl_policy: 'ELBSecurityPolicy-2016-08' is not allowed; choose 'ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09', 'ELBSecurityPolicy-TLS13-1-2-PQ-2025-09', 'ELBSecurityPolicy-TLS13-1-3-PQ-2025-09', 'ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09', 'ELBSecurityPolicy-TLS13-1-2-Res-2021-06', 'ELBSecurityPolicy-TLS13-1-2-2021-06' or 'ELBSecurityPolicy-TLS13-1-3-2021-06'"
        ],
    ),
    ("s3 days", {"loadbalancer.log_days": 0}, ["loadbalancer.log_days: 0 is too small; at least 1"]),
    (
        "retention",
        {"service.log_days": 10},
        [
            "service.log_days: 10 is not a retention that CloudWatch Logs offers; choose 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653"
        ],
    ),
    ("cpu", {"service.cpu": 300}, ["service.cpu: 300 is not a size of Fargate; choose 256, 512, 1024, 2048, 4096, 8192 or 16384"]),
    ("memory", {"service.memory": 768}, ["service.memory: 768 does not go with cpu = 256; choose 512, 1024 or 2048"]),
    (
        "memory step",
        {"service.cpu": 8192, "service.memory": 17408},
        ["service.memory: 17408 does not go with cpu = 8192; choose 16384 to 61440 in steps of 4096"],
    ),
    ("min max", {"service.min_tasks": 5}, ["service.min_tasks: 5 is more than max_tasks = 4"]),
    ("no tasks", {"service.min_tasks": 0}, ["service.min_tasks: 0 is too small; at least 1"]),
    ("base", {"service.on_demand_base": 3}, ["service.on_demand_base: 3 is more than min_tasks = 2; at most that many"]),
    (
        "spot base",
        {"service.on_demand_base": 0},
        ["service.on_demand_base: 0 would let AWS take every task at once, since spot_percent is not 0; at least 1"],
    ),
    ("spot", {"service.spot_percent": 101}, ["service.spot_percent: 101 is too big; at most 100"]),
    (
        "settings of another strategy",
        {"service.strategy": "canary", "service.blue_green": {}},
        ['service.blue_green: says how a blue_green deployment goes, and strategy is "canary"; set strategy = "blue_green" or remove it'],
    ),
    (
        "canary share",
        {"service.strategy": "canary", "service.canary": {"percent": 100, "minutes": 1441}},
        ["service.canary.percent: 100 is too big; at most 99", "service.canary.minutes: 1441 is too big; at most 1440"],
    ),
    (
        "longer than CloudFormation waits",
        {"service.strategy": "canary", "service.canary": {"minutes": 1000, "bake_minutes": 1021}},
        [
            (
                "service.canary.bake_minutes: makes a deployment last 2041 minutes with minutes = 1000; "
                "CloudFormation gives up after 36 hours: at most 2020 together"
            )
        ],
    ),
    (
        "more ports than a shift has room for",
        {"service.strategy": "blue_green", "ports": [{"port": port, "origin": "db.example.net:5432"} for port in (5001, 5002, 5003)]},
        [
            (
                "service.strategy: is more than rolling: two target groups and a listener for each of the 3 ports, and CodePipeline "
                "passes on no more than 2; take ports away, or canary and blue_green"
            )
        ],
    ),
    ("drain", {"service.drain_seconds": 300}, ["service.drain_seconds: 300 is too big; at most 120"]),
    (
        "two ways to see clients",
        {"loadbalancer.proxy_protocol": True},
        ["loadbalancer.proxy_protocol: is another way to see what preserve_client_ip shows; set one of the two to false"],
    ),
    ("drain short", {"service.drain_seconds": 29}, ["service.drain_seconds: 29 is too small; at least 30"]),
    ("header line", {"service.max_header": 65}, ["service.max_header: 65 is too big; at most 64"]),
    ("short header line", {"service.max_header": 3}, ["service.max_header: 3 is too small; at least 4"]),
    ("cache size", {"service.cache_size": 0}, ["service.cache_size: 0 is too small; at least 1"]),
    (
        "cache big",
        {"service.cache_size": 65, "sites.0.paths.0.cache": True},
        ["service.cache_size: 65 is too much for a task with 512 MiB: the cache is in its memory; at most 64"],
    ),
    ("cpu target", {"service.cpu_target_percent": 100}, ["service.cpu_target_percent: 100 is too big; at most 90"]),
    (
        "strategy",
        {"service.strategy": "linear"},
        ["service.strategy: 'linear' is not allowed; choose 'rolling', 'canary' or 'blue_green'"],
    ),
    (
        "zone without task",
        {"service.min_tasks": 1, "loadbalancer.cross_zone": False},
        ["service.min_tasks: 1 leaves a fixed address without a task: without loadbalancer.cross_zone each zone needs its own; at least 2"],
    ),
    (
        "zero net",
        {"access.allow.0.cidr": "0.1.0.0/16"},
        ["access.allow[0].cidr: '0.1.0.0/16' is reserved (loopback, link-local, multicast or future use); nobody has an address there"],
    ),
]


@pytest.mark.parametrize(("edits", "problems"), [pytest.param(edits, problems, id=name) for name, edits, problems in ROWS])
def test_says_what_is_wrong_and_what_would_be_right(
    edits: dict[str, Any],
    problems: list[str],
    valid: Callable[[], dict[str, dict[str, Any]]],
    change: Callable[..., None],
    checkout: Callable[..., Path],
) -> None:
    files = valid()
    change(files[FILE], edits)
    with pytest.raises(ConfigError) as raised:
        load(checkout(files), today=TODAY)
    assert list(raised.value.problems) == [f"{FILE}: {problem}" for problem in problems]


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param({}, id="as it is"),
        pytest.param({"certificate": ISSUED}, id="issued certificate"),
        pytest.param({"access": {"open": True, "reason": "A public API"}}, id="open with a reason"),
        pytest.param({"access.allow.1.expires": TODAY}, id="the last day of a permission"),
        pytest.param(
            {"access.allow": [{"cidr": f"198.51.100.{number}/32", "note": "One of many"} for number in range(60)]}, id="60 clients"
        ),
        pytest.param({"access.allow.0.cidr": "11.0.0.0/8"}, id="the widest client"),
        pytest.param({"service.min_tasks": 1, "service.max_tasks": 1}, id="one task"),
        pytest.param({"service.cpu": 16384, "service.memory": 122880}, id="the largest task"),
        pytest.param({"network.create.zones.c": "10.1.1.0/28", "service.max_tasks": 3}, id="the smallest subnet"),
        pytest.param({"deploy_window.cron": "0 */15 8,9-17/2 ? JAN-DEC 2-6 2030-2040"}, id="every form of cron"),
    ],
)
def test_takes(
    edits: dict[str, Any],
    valid: Callable[[], dict[str, dict[str, Any]]],
    change: Callable[..., None],
    checkout: Callable[..., Path],
) -> None:
    files = valid()
    change(files[FILE], edits)
    assert load(checkout(files), today=TODAY).environments[0].name == "test"
