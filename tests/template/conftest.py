"""Environments of every kind that the configuration allows, and the templates that the stacks make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from troposphere import Template

from stacks.catalog import ENVIRONMENT_STACKS
from stacks.environment import Environment
from stacks.project import PipelineConfig, Project

Documents = Mapping[str, dict[str, Any]]

PIPELINE_ACCOUNT = "111122223333"
ANOTHER_ACCOUNT = "444455556666"
CERTIFICATE = "arn:aws:acm:ap-northeast-1:111122223333:certificate/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
TWO_ZONES = {"a": "10.20.0.0/24", "c": "10.20.1.0/24"}
THREE_ZONES = {**TWO_ZONES, "d": "10.20.2.0/24"}
EXISTING = {"vpc": "vpc-0123456789abcdef0", "zones": {"a": "subnet-0aaaaaaaaaaaaaaaa", "c": "subnet-0cccccccccccccccc"}}
ADOPTED = {"a": "eipalloc-0aaaaaaaaaaaaaaaa", "c": "eipalloc-0cccccccccccccccc"}

BASE: dict[str, Any] = {
    "name": "staging",
    "project": "kotei",
    "account": PIPELINE_ACCOUNT,
    "region": "ap-northeast-1",
    "pipeline_account": PIPELINE_ACCOUNT,
    "approval": "never",
    "alarm_email": "proxy@example.com",
    "network": {"create": {"cidr": "10.20.0.0/16", "zones": TWO_ZONES}},
    "access": {"allow": [{"cidr": "203.0.113.0/28", "note": "Example Bank"}, {"cidr": "198.51.100.0/24", "note": "Our offices"}]},
    "certificate": {"arn": CERTIFICATE},
    "service": {
        "cpu": 256,
        "memory": 512,
        "min_tasks": 2,
        "max_tasks": 4,
        "on_demand_base": 1,
        "spot_percent": 50,
        "drain_seconds": 60,
        "log_days": 14,
    },
    "sites": [
        {
            "host": "api.example.com",
            "origin": "https://origin.example.net",
            "paths": [{"path": "/files/", "origin": "https://files.example.net:8443"}, {"path": "/admin/", "deny": True}],
        }
    ],
}

SECRET = f"arn:aws:secretsmanager:ap-northeast-1:{PIPELINE_ACCOUNT}:secret:kotei/"
MOST_SITES = [
    {
        "host": "api.example.com",
        "aliases": ["www.example.com"],
        "origin": "https://origin.example.net",
        "host_header": "api.example.com",
        "methods": ["GET", "HEAD", "POST"],
        "request_headers": {"X-Partner": "kotei", "Cookie": ""},
        "response_headers": {"Strict-Transport-Security": "max-age=31536000", "X-Powered-By": ""},
        "rate_limit": {"requests_per_second": 50, "burst": 100},
        "connection_limit": 20,
        "allow": ["203.0.113.0/28"],
        "cache": True,
        "paths": [
            {"path": "/files/", "origin": "https://files.example.net:8443", "host_header": "files.example.net", "rewrite": "/v2/"},
            {"path": "/admin/", "deny": True},
            {"path": "/robots.txt", "answer": {"status": 200, "body": "none"}},
            {"path": "/old/", "answer": {"status": 301, "location": "https://www.example.com/"}},
            {"path": "/upload/", "methods": ["PUT"], "max_body": 1024, "read_timeout": 300, "cache": False},
        ],
    },
    {"host": "events.example.com", "origin": "https://events.example.net", "streaming": True, "websocket": True},
    {"host": "grpc.example.com", "origin": "https://grpc.example.net:9443"},
    {"host": "down.example.com", "origin": "https://events.example.net", "maintenance": {"message": "Back at nine"}},
]
MOST_ORIGINS = [
    {"url": "https://origin.example.net", "protocol": "http/2", "client_certificate": f"{SECRET}origin-AbCdEf"},
    {"url": "https://files.example.net:8443", "ca": "partner.pem", "tls_name": "storage.example.net", "idle_timeout": 20},
    {"url": "https://grpc.example.net:9443", "protocol": "grpc", "internal": True, "client_certificate": f"{SECRET}grpc-GhIjKl"},
]
# As many as a service of ECS takes, one of them a port that a task moves.
MOST_PORTS = [
    {"port": 5432, "origin": "db.example.net:5432", "idle_timeout": 3600, "internal": True},
    {"port": 22, "origin": "files.example.net:2222"},
    {"port": 8443, "names": {"mqtt.example.com": "mqtt.example.net:8883", "tls.example.com": "tls.example.net:443"}},
    {"port": 65535, "origin": "db.example.net:5432"},
]

VARIANTS: dict[str, dict[str, Any]] = {
    "two-zones": {},
    "three-zones": {"network": {"create": {"cidr": "10.20.0.0/16", "zones": THREE_ZONES}}},
    "existing-vpc": {"network": {"existing": EXISTING}},
    "adopted": {"addresses": {"adopt": ADOPTED}},
    "kept": {"addresses": {"keep": ["d", "b"]}},
    "existing-adopted": {"network": {"existing": EXISTING}, "addresses": {"adopt": ADOPTED}},
    "issued-certificate": {
        "certificate": {"name": "example.com", "alternative_names": ["*.example.com"], "hosted_zone": "Z0123456789ABCDEFGHIJ"}
    },
    "open": {"access": {"open": True, "reason": "A public service, rate limited by client"}},
    "least": {
        "alarm_email": None,
        "network": {"create": {"cidr": "10.20.0.0/16", "zones": TWO_ZONES}, "flow_logs": False},
        "loadbalancer": {"access_logs": False, "deletion_protection": False, "cross_zone": False, "preserve_client_ip": False},
        "service": {**BASE["service"], "on_demand_base": 0, "spot_percent": 0, "drain_seconds": 30},
    },
    "most": {
        "network": {"create": {"cidr": "10.20.0.0/16", "zones": THREE_ZONES}},
        "certificate": {"name": "example.com", "alternative_names": ["*.example.com"], "hosted_zone": "Z0123456789ABCDEFGHIJ"},
        "deploy_window": {"cron": "* * 9-17 ? * MON-FRI"},
        "loadbalancer": {"preserve_client_ip": False, "proxy_protocol": True},
        "service": {**BASE["service"], "drain_seconds": 120, "cache_size": 64},
        "sites": MOST_SITES,
        "origins": MOST_ORIGINS,
        "ports": MOST_PORTS,
    },
    "canary": {
        "service": {**BASE["service"], "strategy": "canary", "canary": {"percent": 5, "minutes": 20, "bake_minutes": 30}},
        "ports": MOST_PORTS[:2],
    },
    "prepared": {"service": {**BASE["service"], "blue_green": {}}},
    "blue-green": {"service": {**BASE["service"], "strategy": "blue_green"}},
    "another-account": {"account": ANOTHER_ACCOUNT, "certificate": {"arn": CERTIFICATE.replace(PIPELINE_ACCOUNT, ANOTHER_ACCOUNT)}},
}


def environment(**changes: Any) -> Environment:
    return Environment.model_validate({**BASE, **changes})


def document(template: Template) -> dict[str, Any]:
    """As render writes it: plain data, without troposphere's objects."""
    plain: dict[str, Any] = json.loads(template.to_json())
    return plain


def documents(env: Environment) -> Documents:
    """Stack -> template, in the order of deployment."""
    return {spec.name: document(spec.build(env)) for spec in ENVIRONMENT_STACKS if spec.wanted(env)}


@pytest.fixture(params=VARIANTS.values(), ids=VARIANTS.keys())
def env(request: pytest.FixtureRequest) -> Environment:
    """Every kind of environment, one after the other."""
    return environment(**request.param)


@pytest.fixture
def most() -> Environment:
    """An environment that uses everything."""
    return environment(**VARIANTS["most"])


@pytest.fixture
def most_shifted() -> Environment:
    """The same, with as much as goes with a shift from one set of tasks to another."""
    return environment(**{**VARIANTS["most"], "service": {**BASE["service"], "strategy": "canary"}, "ports": MOST_PORTS[:2]})


@pytest.fixture
def built(env: Environment) -> Documents:
    return documents(env)


@pytest.fixture
def variant() -> Any:
    """A function: the templates of the sample environment with these changes."""
    return lambda **changes: documents(environment(**changes))


@pytest.fixture
def project() -> Project:
    """Two environments, the second in an account of its own."""
    repository = {"name": "example-org/kotei"}
    config = PipelineConfig.model_validate(
        {
            "project": "kotei",
            "account": PIPELINE_ACCOUNT,
            "region": "ap-northeast-1",
            "repository": repository,
            "environments": ["staging", "production"],
        }
    )
    return Project(pipeline=config, environments=(environment(), environment(name="production", **VARIANTS["another-account"])))
