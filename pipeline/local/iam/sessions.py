"""Credentials of roles: given to a service that the role trusts, or to another role that may assume it."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipeline.access.decide import Principal, Request, decide
from pipeline.local.iam import attached
from pipeline.local.protocol import AwsError
from pipeline.local.world import make_client

if TYPE_CHECKING:
    from pipeline.local.world import World

ASSUME = "sts:AssumeRole"
_turn = threading.RLock()


@dataclass(frozen=True, kw_only=True)
class Session:
    """A role that somebody has taken on. `key_id` is what the endpoint knows it by; `arn` is how AWS names it in refusals."""

    role: str
    arn: str
    key_id: str
    secret: str
    token: str

    @property
    def account(self) -> str:
        return self.role.split(":")[4]


def of_service(world: World, role: str, service: str, name: str, context: Mapping[str, str] | None = None) -> Session:
    """What the service gets that was told to use the role. `context`: the keys that this service documents to send."""
    found = attached.role(role)
    asked = Request(action=ASSUME, resource=role, context=dict(context or {}))
    if found is None or not decide(Principal(arn=service), asked, found.trust).allowed:
        why = "there is no such role" if found is None else "its trust policy does not allow it"
        raise AwsError("AccessDenied", f"{service} is not authorized to perform: {ASSUME} on role {role} ({why})", status=403)
    return _begin(world, role, name)


def of_role(world: World, by: Session, role: str, name: str) -> Session:
    """One role takes on another, which may be in another account."""
    by_role, found = attached.role(by.role), attached.role(role)
    decision = (
        decide(replace(by_role.principal, session=by.arn), Request(action=ASSUME, resource=role), found.trust)
        if by_role and found
        else None
    )
    if decision is None or not decision.allowed:
        why = f" {decision.why}" if decision and decision.why else ""
        raise AwsError("AccessDenied", f"User: {by.arn} is not authorized to perform: {ASSUME} on resource: {role}{why}", status=403)
    return _begin(world, role, name)


def client(world: World, session: Session, service: str, *, region: str | None = None) -> Any:
    """A boto3 client that acts as the role: the endpoint asks its policies."""
    return make_client(world.endpoint, service, session.key_id, region or world.region)


def _begin(world: World, role: str, name: str) -> Session:
    """STS keeps it, so that it can be told whose it is after a restart as well."""
    from moto.sts.models import sts_backends

    name = re.sub(r"[^\w+=,.@-]", "-", name)[:64]
    backend = sts_backends[world.account][attached.PARTITION]
    account = role.split(":")[4]
    with _turn:
        kept = next(
            (one for one in sts_backends[account][attached.PARTITION].assumed_roles if (one.role_arn, one.session_name) == (role, name)),
            None,
        )
        made = kept or backend.assume_role(
            region_name=world.region, role_session_name=name, role_arn=role, policy="", duration=3600, external_id=""
        )
    return _shown(made)


def _shown(made: Any) -> Session:
    return Session(role=made.role_arn, arn=made.arn, key_id=made.access_key_id, secret=made.secret_access_key, token=made.session_token)


def find(key_id: str) -> Session | None:
    """The session with these credentials; None: they are a person's."""
    return _find(key_id) if key_id.startswith("ASIA") else None


@functools.lru_cache(maxsize=1024)
def _find(key_id: str) -> Session | None:
    from moto.sts.models import sts_backends

    for account in list(sts_backends.values()):
        found = account[attached.PARTITION].get_assumed_role_from_access_key(key_id)
        if found:
            return _shown(found)
    return None
