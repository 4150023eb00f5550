"""Named probes of a proxy's behaviour: what is sent, what must come of it, and why."""

from __future__ import annotations

from tests.nginx.probes import (
    chunks,
    claims,
    framing,
    headers,
    hosts,
    http2,
    http2_connection,
    methods,
    origin,
    responses,
    slow,
    upgrade,
    uri,
    versions,
)
from tests.nginx.probes.probe import Probe, Says

ALL: tuple[Probe, ...] = (
    *uri.PROBES,
    *claims.PROBES,
    *headers.PROBES,
    *methods.PROBES,
    *hosts.PROBES,
    *versions.PROBES,
    *framing.PROBES,
    *chunks.PROBES,
    *upgrade.PROBES,
    *responses.PROBES,
    *origin.PROBES,
    *http2.PROBES,
    *http2_connection.PROBES,
    *slow.PROBES,
)
# What the origin answers to /says/<key>.
SAYS: dict[str, Says] = {responses.slug(probe.name).decode(): probe.says for probe in ALL if probe.says}
