"""What is looked at after a deployment before it counts as done; what is not as it should be goes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stacks.config_problems import Model, Problem
from stacks.config_sites import Site
from stacks.config_values import HostName, RequestPath


class Probe(Model):
    """A request through each fixed address, from the build that verifies.

    While it asks, the load balancer's security group has a rule for the build's own address, and for nobody else.
    """

    host: HostName
    """A host of [[sites]]: the name in the TLS handshake and in the request."""
    path: RequestPath = "/"
    """What is asked for."""
    expect_status: Annotated[int, Field(ge=100, le=599)] = 200
    """The status of the answer."""


class Verify(Model):
    """What a deployment has to show before it counts as done."""

    # The rest of the hour that a build may take is for installing, and for the tasks to become healthy.
    bake_minutes: Annotated[int, Field(ge=0, le=40)] = 0
    """How long the environment's alarms have to stay quiet afterwards; a deployment takes as much longer."""
    probe: Probe | None = None
    """A request through each fixed address; without it, what AWS says of them is believed."""


def probe_asks_a_site(verify: Verify, sites: tuple[Site, ...]) -> Iterator[Problem]:
    hosts = [host for site in sites for host in (site.host, *site.aliases)]
    if verify.probe and verify.probe.host not in hosts:
        yield Problem(("verify", "probe", "host"), f"'{verify.probe.host}' is no host of [[sites]]; they are {', '.join(hosts)}")
