"""`kotei bootstrap` against the engine, which confirms the connection as the owner does with one click in the console."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline import bootstrap
from pipeline.aws import Aws, Target
from pipeline.local.world import make_client
from stacks.project import Project

SERVICES = ("cloudformation", "codeconnections")


def deploy(endpoint: str, project: Project, root: Path, complete: Callable[[str], None], say: Callable[[str], None]) -> None:
    """`complete` gets the ARN of a new connection. Stacks that are there stay as they are."""

    def reach(account: str, region: str) -> Aws:
        # Whatever credentials a person has for AWS, they are not for this endpoint.
        clients = {service: make_client(endpoint, service, account, region) for service in SERVICES}
        target = Target(endpoint=endpoint, why="the local engine")
        return Aws(target=target, account=account, region=region, _clients=clients)

    found = bootstrap.steps(root, project, reach)
    bootstrap.deploy(found, project, say, lambda _: None, complete)
