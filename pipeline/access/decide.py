"""IAM's answer to one request (IAM user guide, "Policy evaluation logic"): a matching Deny refuses, else something must allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from pipeline.access.operators import Context, MissingVariableError, filled, holds
from pipeline.review import patterns
from pipeline.review.statements import EVERYTHING, Names, Policy, Statement

# How a policy of a resource answers: `session` names the session that asks, or everybody; `direct` the role; `account` leaves it to the
# policies of the principal's account.
Grant = Literal["denied", "session", "direct", "account", "none"]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A role with what is attached to it, or a service (whose ARN is its name, and which has no policies).

    `session` is how AWS names who has taken the role on.
    """

    arn: str
    session: str = ""
    identity: Policy = field(default_factory=Policy)
    boundary: Policy | None = None

    @property
    def account(self) -> str:
        return self.arn.split(":")[4] if self.arn.startswith("arn:") else ""


@dataclass(frozen=True, kw_only=True)
class Request:
    """`context` has its keys in lower case."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Held:
    """The policy that the resource itself carries. `decides`: nothing is allowed without it, as with keys and roles.

    An account's own IAM policies do not reach a key or a role that does not say so (KMS developer guide, "Key policies").
    """

    policy: Policy
    account: str
    decides: bool = False


@dataclass(frozen=True)
class Decision:
    """`why` continues AWS's sentence: "is not authorized to perform: ... because ..."."""

    allowed: bool
    why: str = ""


def decide(principal: Principal, request: Request, held: Held | None = None) -> Decision:
    context = {"aws:principalarn": principal.arn, "aws:principalaccount": principal.account, **request.context}
    asked = Request(action=request.action, resource=request.resource, context=context)
    why = _denied(principal, asked, held) or _not_allowed(principal, asked, held)
    return Decision(allowed=not why, why=why)


def _denied(principal: Principal, request: Request, held: Held | None) -> str:
    if _matching(principal.identity, request, allow=False):
        return "with an explicit deny in an identity-based policy"
    if principal.boundary and _matching(principal.boundary, request, allow=False):
        return "with an explicit deny in a permissions boundary"
    if held and granted(held.policy, request, principal) == "denied":
        return "with an explicit deny in a resource-based policy"
    return ""


def _not_allowed(principal: Principal, request: Request, held: Held | None) -> str:
    grant = granted(held.policy, request, principal) if held else "none"
    elsewhere = bool(held and principal.account and held.account != principal.account)
    if grant == "session" and not elsewhere:
        # No implicit denial limits it, neither of the role's policies nor of its boundary
        # (reference_policies_evaluation-logic_policy-eval-denyallow, IAM role session; IAM role, a wildcard in the Principal element).
        return ""
    if principal.boundary and not _matching(principal.boundary, request, allow=True):
        return f"because no permissions boundary allows the {request.action} action"
    if grant == "none" and held and (elsewhere or held.decides):
        return f"because no resource-based policy allows the {request.action} action"
    own = bool(_matching(principal.identity, request, allow=True))
    if own or (grant == "direct" and not elsewhere):
        return ""
    return f"because no identity-based policy allows the {request.action} action"


def granted(policy: Policy, request: Request, principal: Principal) -> Grant:
    """What the policy of a resource says to the principal."""
    if any(_refuses(one.principals, principal) for one in _matching(policy, request, allow=False)):
        return "denied"
    found = {_names(one.principals, principal) for one in _matching(policy, request, allow=True)}
    strongest: tuple[Grant, ...] = ("session", "direct", "account")
    return next((one for one in strongest if one in found), "none")


def _refuses(names: Names, principal: Principal) -> bool:
    """A denial with NotPrincipal refuses everybody who has a boundary, whomever it names (access_policies_boundaries)."""
    return (names.inverted and principal.boundary is not None) or _names(names, principal) != "none"


def _names(names: Names, principal: Principal) -> Grant:
    found: Grant = "none"
    if EVERYTHING in names.patterns or (principal.session and patterns.literal(principal.session) in names.patterns):
        found = "session"
    elif patterns.literal(principal.arn) in names.patterns:
        found = "direct"
    elif principal.account and names.patterns & {patterns.literal(f"arn:aws:iam::{principal.account}:root"), principal.account}:
        found = "account"
    if names.inverted:
        return "session" if found == "none" else "none"
    return found


def _matching(policy: Policy, request: Request, *, allow: bool) -> list[Statement]:
    return [one for one in policy.statements if one.allow == allow and matches(one, request)]


def matches(statement: Statement, request: Request) -> bool:
    if not statement.actions.cover(request.action.lower()):
        return False
    if not _covers(statement.resources, request):
        return False
    return all(holds(test, request.context) for test in statement.tests)


def _covers(resources: Names, request: Request) -> bool:
    return any(_covered(one, request) for one in resources.patterns) != resources.inverted


def _covered(pattern: str, request: Request) -> bool:
    try:
        return patterns.matches(filled(pattern, request.context), request.resource)
    except MissingVariableError:
        return False


def together(policies: Iterable[Policy]) -> Policy:
    """Every policy attached to one principal: they count as one."""
    result = Policy()
    for one in policies:
        result |= one
    return result
