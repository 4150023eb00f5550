"""What identities may do: IAM policies of both sides as sets, broadened and narrowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.review import grants
from pipeline.review.model import Comparison, Finding, Verdict
from pipeline.review.permits import Difference, Grant, difference
from pipeline.review.policies import Identity, ResourcePolicy, identities, resource_policies
from pipeline.review.read import both_sides, mapping, properties, resources, text
from pipeline.review.rules.rule import Rule
from pipeline.review.statements import Policy

PASSING = "iam:passrole"
# With one of these a statement for everybody is not for the public (S3 user guide, "The meaning of public").
LIMITING = (
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "kms:calleraccount",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
)


def broadened(comparison: Comparison) -> Iterator[Finding]:
    """A role or policy allows more."""
    for identity in _giving(comparison):
        found = _differs(identity)
        gained = [one for one in found.gained if not _passes(one)]
        if words := _words(gained, found.lost, identity.after.unread - identity.before.unread, found.undecided):
            yield _finding("iam-broadened", identity.stack, identity.name, f"{identity.name} may now {words}")
    for policy in resource_policies(comparison):
        found = _opened(policy)
        unread = policy.after.unread - policy.before.unread
        # What the public gets has a rule of its own.
        gained = [one for one in found.gained if one not in _public(policy)]
        if words := _words(gained, found.lost, unread, found.undecided, everything=grants.plain(policy.resources)):
            who = grants.who(gained) if gained else "somebody"
            yield _finding("iam-broadened", policy.stack, policy.name, f"{who} may now {words} ({_about(policy)})")


def narrowed(comparison: Comparison) -> Iterator[Finding]:
    """A role or policy allows less."""
    for identity in _giving(comparison):
        found = _differs(identity)
        if words := _words(found.lost, found.gained, identity.before.unread - identity.after.unread, (), partly=" in some cases"):
            text = f"{identity.name} may no longer {words}; what needs it stops working"
            yield _finding("iam-narrowed", identity.stack, identity.name, text)
    for policy in resource_policies(comparison):
        found = _opened(policy)
        lost = (*found.lost, *found.refused)
        unread, everything = policy.before.unread - policy.after.unread, grants.plain(policy.resources)
        if words := _words(lost, found.gained, unread, (), partly=" in some cases", everything=everything):
            who = grants.who(lost) if lost else "somebody"
            text = f"{who} may no longer {words} ({_about(policy)}); what needs it stops working"
            yield _finding("iam-narrowed", policy.stack, policy.name, text)


def refusal_removed(comparison: Comparison) -> Iterator[Finding]:
    """A refusal goes that overrode what is allowed."""
    for identity in _giving(comparison):
        if found := _differs(identity).unrefused:
            text = f"{identity.name} is no longer refused {grants.sentence(found)}: a safeguard goes, though nothing here allows it"
            yield _finding("refusal-removed", identity.stack, identity.name, text)
    for policy in resource_policies(comparison):
        if found := _opened(policy).unrefused:
            text = f"{_about(policy)} no longer refuses {grants.sentence(found)} to {grants.who(found)}: a safeguard goes"
            yield _finding("refusal-removed", policy.stack, policy.name, text)


def pass_role(comparison: Comparison) -> Iterator[Finding]:
    """A role may be handed to a service that could not have it before."""
    for identity in identities(comparison):
        # A wildcard that holds iam:PassRole among others is told by iam-broadened, too.
        found = [replace(one, action="iam:PassRole", actions=()) for one in _differs(identity).gained if _passes(one) or _holds_pass(one)]
        if found:
            where = grants.sentence(found).removeprefix("iam:PassRole on ")
            text = f"{identity.name} may now hand {where} to a service that then acts with the rights of that role (iam:PassRole)"
            mend = "name the roles, and the service in iam:PassedToService"
            yield _finding("pass-role", identity.stack, identity.name, text, mend=mend)


def trust_changed(comparison: Comparison) -> Iterator[Finding]:
    """Others may take a role."""
    for identity in identities(comparison):
        before, after = identity.trust
        if identity.new or before == after:
            continue
        found = difference((before.statements,), (after.statements,))
        gained, lost = found.gained, (*found.lost, *found.refused)
        more, less = (" in more cases" if _partly(gained) else ""), (" in some cases" if _partly(lost) else "")
        parts = [f"{grants.who(gained)} may now act as {identity.name}{more}"] if gained else []
        parts += [f"{grants.who(lost)} may no longer act as {identity.name}{less}"] if lost else []
        if before.unread != after.unread or found.undecided:
            parts.append(f"who may act as {identity.name} changes, in a way that cannot be read here")
        if parts:
            yield _finding("trust-changed", identity.stack, identity.name, "; ".join(parts))


def public_access(comparison: Comparison) -> Iterator[Finding]:
    """Something may be reached from outside of the account."""
    for policy in resource_policies(comparison):
        if not (found := _public(policy)):
            continue
        refusing = [name for name in _buckets(comparison, policy) if _blocks(comparison, policy.stack, name)]
        sentence = f"anybody may {grants.sentence(found)} without any condition that says who ({_about(policy)})"
        if refusing:
            sentence += f": S3 refuses such a policy while {refusing[0]} has BlockPublicPolicy"
        mend = "name the principals, or add a condition on who asks"
        verdict: Verdict = "blocked" if refusing else "risky"
        yield _finding("public-access", policy.stack, policy.name, sentence, verdict=verdict, mend=mend)
    for change in comparison.of_type("AWS::S3::Bucket"):
        if change.action != "modify":
            continue
        old, new = (mapping(one.get("PublicAccessBlockConfiguration")) for one in both_sides(comparison, change))
        if loosened := [name for name in sorted(old, key=str) if _true(old[name]) and not _true(new.get(name))]:
            sentence = f"{change.logical_id} no longer keeps the public out by itself: {', '.join(map(str, loosened))}"
            yield _finding("public-access", change.stack, change.logical_id, sentence)


def boundary_changed(comparison: Comparison) -> Iterator[Finding]:
    """The limit of what a role may ever do changes."""
    for identity in identities(comparison):
        before, after = (text(one) if one is not None else "" for one in identity.boundaries)
        if before and before != after and not identity.new:
            becomes = f"has {grants.plain(after)} in place of {grants.plain(before)}" if after else "has none any more"
            sentence = f"the permissions boundary of {identity.name} goes: it {becomes}"
            yield _finding("boundary-changed", identity.stack, identity.name, sentence)
        if identity.limit:
            found = _differs(identity)
            wider = (*found.gained, *found.unrefused)
            if words := _words(wider, found.lost, identity.after.unread - identity.before.unread, found.undecided):
                sentence = f"whoever may change a template may now give the roles that {identity.name} bounds more: {words}"
                yield _finding("boundary-changed", identity.stack, identity.name, sentence)
            if words := _words((*found.lost, *found.refused), (), identity.before.unread - identity.after.unread, ()):
                sentence = (
                    f"the roles that {identity.name} bounds may no longer {words}, whatever they are given; what needs it stops working"
                )
                yield _finding("boundary-changed", identity.stack, identity.name, sentence)


def added(comparison: Comparison) -> Iterator[Finding]:
    """A new role or policy, and what it allows."""
    for identity in _giving(comparison):
        if not identity.new:
            continue
        may = difference((Policy().statements,), (identity.after.statements,)).gained
        who = grants.who(difference((Policy().statements,), (identity.trust[1].statements,)).gained)
        words = _words(may, (), identity.after.unread, ()) or "do nothing"
        sentence = f"{identity.name} is new: {f'{who} acts as it, and it' if who else 'it'} may {words}"
        verdict: Verdict = "safe" if identity.stack not in comparison.before.stacks else "risky"
        yield _finding("iam-added", identity.stack, identity.name, sentence, verdict=verdict)


def _giving(comparison: Comparison) -> Iterator[Identity]:
    """All but the policies that only bound others."""
    return (one for one in identities(comparison) if not one.limit)


def _differs(identity: Identity) -> Difference:
    if identity.new:
        return Difference()
    before, after = (
        (one.statements, limit.statements) for one, limit in zip((identity.before, identity.after), identity.limits, strict=True)
    )
    return difference(before, after)


def _opened(policy: ResourcePolicy) -> Difference:
    return Difference() if policy.new else difference((policy.before.statements,), (policy.after.statements,))


def _public(policy: ResourcePolicy) -> tuple[Grant, ...]:
    """What anybody gets without having had it: no statement is counted that says who may ask."""
    if policy.type == "AWS::EC2::VPCEndpoint":
        return ()  # it limits what passes, and gives nothing
    before, after = (
        frozenset(one for one in side.statements if not one.allow or not any(test.key in LIMITING for test in one.tests))
        for side in (policy.before, policy.after)
    )
    found = difference((before,), (after,)).gained
    return tuple(one for one in found if one.principal == "*" or one.principal.startswith("everything but"))


def _passes(grant: Grant) -> bool:
    return grant.action.lower() == PASSING


def _holds_pass(grant: Grant) -> bool:
    return any(name.lower() == PASSING for name in grant.actions)


def _partly(found: tuple[Grant, ...]) -> bool:
    return all(one.partly for one in found)


def _words(
    found: tuple[Grant, ...] | list[Grant],
    others: tuple[Grant, ...],
    unread: frozenset[str],
    undecided: tuple[str, ...],
    **words: str,
) -> str:
    parts = [grants.sentence(found, others, **words)] if found else []
    if unread:
        parts.append(f"do what {', '.join(sorted(grants.last_part(one) for one in unread))} says, which cannot be read here")
    if undecided:
        parts.append(f"do more with {', '.join(undecided)}: the statements are too many to compare, so this is assumed")
    return ", and ".join(parts)


def _about(policy: ResourcePolicy) -> str:
    return f"the policy of {grants.plain(policy.resources)}"


def _buckets(comparison: Comparison, policy: ResourcePolicy) -> list[str]:
    if policy.type != "AWS::S3::BucketPolicy":
        return []
    found = resources(comparison.after.stacks.get(policy.stack))
    return [name for name in found if policy.resources == f"${{{name}}}"]


def _blocks(comparison: Comparison, stack: str, bucket: str) -> bool:
    configuration = properties(comparison.after.stacks.get(stack), bucket).get("PublicAccessBlockConfiguration")
    return _true(mapping(configuration).get("BlockPublicPolicy"))


def _true(value: object) -> bool:
    return str(value).lower() == "true"


def _finding(rule: str, stack: str, resource: str, sentence: str, *, verdict: Verdict = "risky", mend: str = "") -> Finding:
    return Finding(rule=rule, topic="permissions", verdict=verdict, stack=stack, resource=resource, text=sentence, mend=mend)


EVALUATION = "IAM user guide, Policy evaluation logic (reference_policies_evaluation-logic.html)"
RULES: tuple[Rule, ...] = (
    Rule("iam-broadened", broadened, EVALUATION),
    Rule("iam-narrowed", narrowed, EVALUATION),
    Rule("refusal-removed", refusal_removed, f"{EVALUATION}: an explicit Deny overrides every Allow"),
    Rule("pass-role", pass_role, "IAM user guide, Grant permissions to pass a role to a service (id_roles_use_passrole.html)"),
    Rule(
        "trust-changed", trust_changed, "IAM user guide, IAM JSON policy elements: Principal (reference_policies_elements_principal.html)"
    ),
    Rule("public-access", public_access, "S3 user guide, Blocking public access (access-control-block-public-access.html)"),
    Rule("boundary-changed", boundary_changed, "IAM user guide, Permissions boundaries (access_policies_boundaries.html)"),
    Rule("iam-added", added, EVALUATION),
)
