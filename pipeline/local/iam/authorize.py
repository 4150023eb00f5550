"""AWS's refusal of what a role may not do. People, who are an account's owners here, are not asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.access.decide import Decision, Request, decide
from pipeline.local.iam import attached, decode, requests
from pipeline.local.iam.sessions import ASSUME, Session
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from werkzeug.wrappers import Request as HttpRequest

    from pipeline.local import wire

# Every other service answers AccessDeniedException in JSON, and AccessDenied in XML (each API reference's common errors).
CODES = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation"}


def check_request(session: Session, request: HttpRequest, signed: wire.Signature) -> None:
    try:
        asked = decode.asked(request, signed, session.account)
        if (asked.service, asked.operation) == ("sts", "GetCallerIdentity"):
            return
        needed = requests.needs(asked)
    except requests.UnknownRequestError as unknown:
        message = f"the local engine does not know what {unknown} needs, so no role may do it (pipeline/local/iam/requests.py)"
        raise AwsError("NotImplementedException", message, status=501) from unknown
    code = CODES.get(signed.service) or ("AccessDeniedException" if "X-Amz-Target" in request.headers else "AccessDenied")
    check(session, needed, code=code)


def check(session: Session, needed: Iterable[Request], *, code: str = "AccessDenied") -> None:
    """Raises for the first that is not allowed, in AWS's words."""
    for one in needed:
        decision = decided(session.role, one, session.arn)
        if not decision.allowed:
            message = f"User: {session.arn} is not authorized to perform: {one.action} on resource: {one.resource} {decision.why}"
            raise AwsError(code, message, status=400 if code.endswith("Exception") else 403)


def decided(role: str, request: Request, session: str = "") -> Decision:
    """`session` is how AWS names who has taken the role on; a resource's policy may name it."""
    found = attached.role(role)
    if found is None:
        return Decision(allowed=False, why="because the role does not exist")
    target = attached.role(request.resource) if request.action == ASSUME else None
    return decide(replace(found.principal, session=session), request, target.trust if target else attached.held(request.resource))
