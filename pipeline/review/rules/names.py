"""Names that people chose and that are taken: AWS makes the new resource before it deletes the old one."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline import registry_schema
from pipeline.review.model import Change, Comparison, Finding, Verdict
from pipeline.review.read import properties, resources_of, text
from pipeline.review.resource_types import BALANCER, SECURITY_GROUP, SERVICE, TARGET_GROUP
from pipeline.review.rules.rule import Rule, about

# Names that have to be unique without being the identifier that the registry knows the resource by.
NAME_OF = {
    "AWS::CodeBuild::Project": "Name",
    "AWS::CodeConnections::Connection": "ConnectionName",
    SECURITY_GROUP: "GroupName",
    SERVICE: "ServiceName",
    BALANCER: "Name",
    TARGET_GROUP: "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::SNS::Topic": "TopicName",
}


def name_taken(comparison: Comparison) -> Iterator[Finding]:
    """A new resource is to have a name that another one still has."""
    for change in comparison.changes:
        found = properties(comparison.after.stacks.get(change.stack), change.logical_id)
        prop = _name_property(change.type)
        if prop is None or prop not in found:
            continue
        name = text(found[prop])
        if change.replaces and not change.renamed_from:
            if not any(one.top == prop for one in change.properties):
                verdict: Verdict = "risky" if change.update == "conditional replacement" else "blocked"
                yield _finding(change, verdict, name, f"the {change.logical_id} that it replaces", f"change {prop}, too")
        elif (change.action == "add" or change.renamed_from) and _is_literal(name):
            for holder in _holders(comparison, change, prop, name):
                yield _finding(change, "blocked", name, holder, "choose another name, or import the resource into the stack")


def _finding(change: Change, verdict: Verdict, name: str, holder: str, mend: str) -> Finding:
    text = f"the name {name} still belongs to {holder} when AWS makes {change.logical_id}, so that fails and the update rolls back"
    return about(change, "name-taken", verdict, text, mend, topic="resources")


def _name_property(type_name: str) -> str | None:
    schema = registry_schema.load(type_name)
    return NAME_OF.get(type_name) or (schema.name_property if schema else None)


def _is_literal(name: str) -> bool:
    """Whether the same text is the same name everywhere in one account and region."""
    return "${" not in name.replace("${AWS::AccountId}", "").replace("${AWS::Region}", "").replace("${AWS::Partition}", "")


def _holders(comparison: Comparison, change: Change, prop: str, name: str) -> Iterator[str]:
    """Who has the name at the moment in which the new resource is made."""
    for stack, logical_id, found in resources_of(comparison.before, change.type):
        if (stack, logical_id) == (change.stack, change.logical_id) or prop not in found or text(found[prop]) != name:
            continue
        if stack == change.stack or not _is_free(comparison, stack, logical_id, change):
            yield f"{logical_id} of stack {stack}"


def _is_free(comparison: Comparison, stack: str, logical_id: str, change: Change) -> bool:
    """Whether another stack has deleted it by then. A stack that is deployed no more deletes nothing."""
    let_go = any(
        one.stack == stack
        and logical_id in (one.renamed_from, one.logical_id)
        and not one.retained
        and (one.action == "remove" or one.replaces)
        for one in comparison.changes
    )
    return let_go and comparison.order.index(stack) < comparison.order.index(change.stack)


RULES: tuple[Rule, ...] = (
    Rule(
        "name-taken",
        name_taken,
        "CloudFormation: cannot update a stack when a custom-named resource requires replacing; AlreadyExists of each service",
    ),
)
