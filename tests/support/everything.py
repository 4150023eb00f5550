"""The project of places.py with everything turned on that gives somebody a permission."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from stacks.project import Project, load
from tests.support import places
from tests.support.places import HOME, OTHER

TABLES = """
[chat]
slack_workspace = "T0EXAMPLE01"
slack_channel = "C0EXAMPLE01"

[supply]
pull_through_cache = true
signing = true
attestations = true

[drift]
every = "day"
"""
HOOKS = 'hooks = "fail"\n\n[repository]'
# How a new version takes the place of the old one.
ENVIRONMENTS = {"test": "canary", "far-test": "blue_green", "live": "rolling", "far-live": "canary"}


def turned_on(pipeline: str) -> str:
    """The text of a pipeline.toml with all that it may turn on."""
    return f"{pipeline.replace('[repository]', HOOKS, 1)}{TABLES}"


@cache
def project() -> Project:
    with tempfile.TemporaryDirectory() as folder:
        places.configure(Path(folder), turned_on(places.PIPELINE), {name: _changes(name) for name in ENVIRONMENTS})
        return load(Path(folder))


def _changes(name: str) -> dict[str, str]:
    account, region, *_ = places.ENVIRONMENTS[name]
    secret = f"arn:aws:secretsmanager:{region}:{account}:secret:kotei/{name}-AbCdEf"
    certificate = f"arn:aws:acm:{region}:{account}:certificate/0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
    zone = {HOME: "Z0123456789ABCDEFGHIJ", OTHER: "Z9876543210ABCDEFGHIJ"}[account]
    return {
        f'arn = "{certificate}"': f'name = "{name}.example.com"\nhosted_zone = "{zone}"',
        f'name = "{name}"': f'name = "{name}"\nalarm_email = "proxy@example.com"',
        "log_days = 14": f'log_days = 14\nstrategy = "{ENVIRONMENTS[name]}"',
        'origin = "https://origin.example.net"': f"""origin = "https://origin.example.net"

[[origins]]
url = "https://origin.example.net"
client_certificate = "{secret}"
internal = true

[verify]
bake_minutes = 5

[verify.probe]
host = "{name}.example.com"
""",
    }
