"""What every part of the local engine shares: its folder, its endpoint, its memory, and clients to the emulated AWS."""

from __future__ import annotations

import functools
import http.client
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.store import Store


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class World:
    """`home` is the engine's folder (.kotei), `root` the checkout it was started from, `account` the pipeline's account."""

    home: Path
    root: Path
    endpoint: str
    account: str
    region: str
    store: Store
    clock: Callable[[], datetime] = utc_now
    # Held while a document is read, changed and put back; notified after every such change, so that nothing has to poll.
    changed: threading.Condition = field(default_factory=threading.Condition)
    # Set once, when the engine stops: whoever waits must return.
    closing: threading.Event = field(default_factory=threading.Event)

    def client(self, service: str, *, account: str | None = None, region: str | None = None) -> Any:
        """A boto3 client on the engine's own endpoint, acting in the account and region."""
        return make_client(self.endpoint, service, account or self.account, region or self.region)


@contextmanager
def answering() -> Iterator[None]:
    """For commands: an engine that goes away under a request is no bug of theirs."""
    from botocore.exceptions import ConnectionClosedError, EndpointConnectionError

    try:
        yield
    except (ConnectionClosedError, EndpointConnectionError, ConnectionError, http.client.HTTPException) as error:
        raise PipelineError(
            f"the local engine has ended ({type(error).__name__}); its state is kept; run: kotei local up (why: kotei local logs)"
        ) from error


@functools.cache
def _service_models() -> Any:
    """Read once: each session reads them for itself otherwise, and every role that somebody takes on is a session."""
    import botocore.loaders

    return botocore.loaders.create_loader()


@functools.lru_cache(maxsize=256)
def make_client(endpoint: str, service: str, account: str, region: str) -> Any:
    import boto3
    import botocore.session
    from botocore.config import Config

    # Whatever profile and settings a person has for AWS, they are not for this endpoint.
    alone: Any = {
        name: (None, None, value, None)
        for name, value in (("profile", None), ("config_file", os.devnull), ("credentials_file", os.devnull))
    }
    own = botocore.session.Session(session_vars=alone)
    own.register_component("data_loader", _service_models())
    # moto reads a 12-digit access key id as the account that the caller acts in.
    session: Any = boto3.Session(
        aws_access_key_id=account,
        aws_secret_access_key="local",  # noqa: S106 - not a secret  # pragma: allowlist secret
        region_name=region,
        botocore_session=own,
    )
    # One path per bucket: a bucket in the host name would need a name server.
    config = Config(retries={"max_attempts": 0}, max_pool_connections=32, read_timeout=600, s3={"addressing_style": "path"}, proxies={})
    return session.client(service, endpoint_url=endpoint, config=config)
