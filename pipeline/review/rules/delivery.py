"""The pipeline itself: gates, approvals, build projects, the connection, targets of a rollback."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.review.model import Change, Comparison, Finding, Verdict
from pipeline.review.pipeline_stages import Delivery
from pipeline.review.read import both_sides, mapping, mappings, resources_of, text
from pipeline.review.rules import builds, gates
from pipeline.review.rules.rule import Rule, about

PIPELINE = "AWS::CodePipeline::Pipeline"
CONNECTIONS = ("AWS::CodeConnections::Connection", "AWS::CodeStarConnections::Connection")


def gate_removed(comparison: Comparison) -> Iterator[Finding]:
    """Something that stops a bad deployment goes, or stops less."""
    for change, before, after in _pipelines(comparison):
        for words in gates.removed(before, after):
            yield _finding("gate-removed", change, words)


def gate_added(comparison: Comparison) -> Iterator[Finding]:
    """Something that stops a deployment comes."""
    for change, before, after in _pipelines(comparison):
        for words in gates.added(before, after):
            yield _finding("gate-added", change, words, verdict="safe")


def source_changed(comparison: Comparison) -> Iterator[Finding]:
    """The pipeline takes another repository or branch, or starts for other reasons."""
    for change, before, after in _pipelines(comparison):
        for key, name in (("FullRepositoryId", "repository"), ("BranchName", "branch")):
            old, new = (text(one.source[key]) if key in one.source else "no fixed one" for one in (before, after))
            if old != new:
                yield _finding("source-changed", change, f"the pipeline deploys another {name}: {new} (it was {old})")
        if more := after.starts - before.starts:
            yield _finding("source-changed", change, f"{' and '.join(sorted(more))} now starts a deployment")
        if before.starts and not after.starts and text(after.source.get("DetectChanges")) == "false":
            yield _finding("source-changed", change, "no push starts the pipeline any more")


def rollback_targets_lost(comparison: Comparison) -> Iterator[Finding]:
    """Executions from before can no longer be rolled back to."""
    for change in comparison.of_type(PIPELINE):
        if change.action == "modify" and any(one.top != "Tags" for one in change.properties):
            words = (
                "no stage can be rolled back to a run before this change: only to one that succeeded in the new structure of the pipeline"
            )
            mend = "let one run succeed everywhere before the next change"
            yield _finding("rollback-targets-lost", change, words, mend=mend)


def connection_pending(comparison: Comparison) -> Iterator[Finding]:
    """The connection to the repository waits for a person again."""
    if not any(resources_of(comparison.before, PIPELINE)):
        return
    for change in comparison.of_type(*CONNECTIONS):
        if change.action == "add" or change.replaces or change.renamed_from:
            words = (
                f"{change.logical_id} is a new connection and stays pending until a person completes it in the console: "
                "until then no push starts the pipeline"
            )
            yield _finding("connection-pending", change, words, mend="complete it first, and switch the pipeline over afterwards")


def build_trust(comparison: Comparison) -> Iterator[Finding]:
    """Somebody else may start builds, or builds may do more."""
    for change in comparison.of_type("AWS::CodeBuild::Project"):
        old, new = both_sides(comparison, change)
        if change.action == "modify":
            found = builds.changes(change.logical_id, old, new)
        elif change.action == "add" and change.stack in comparison.before.stacks:
            found = builds.triggers(change.logical_id, {}, mapping(new.get("Triggers")))
        else:
            continue
        for words in found:
            yield _finding("build-trust", change, words)


def notifications_lost(comparison: Comparison) -> Iterator[Finding]:
    """Somebody is told of failures no more, or not until they confirm."""
    told = {stack for stack, _, _ in resources_of(comparison.before, PIPELINE)}
    for change in comparison.of_type("AWS::SNS::Subscription", "AWS::Events::Rule"):
        if change.stack in told:
            yield from _silenced(comparison, change)
    for change, before, after in _pipelines(comparison):
        asked = {one.stage for one in before.actions if one.category == "Approval" and "NotificationArn" in one.configuration}
        for one in after.actions:
            if one.category == "Approval" and one.stage in asked and "NotificationArn" not in one.configuration:
                yield _finding("notifications-lost", change, f"nobody is told any more that {one.stage} waits for an approval")


def _silenced(comparison: Comparison, change: Change) -> Iterator[Finding]:
    rule = change.type == "AWS::Events::Rule"
    old, new = both_sides(comparison, change)
    who = text(old.get("Description")) if rule else text(old.get("Endpoint"))
    if change.action == "remove":
        words = f"{change.logical_id} goes, and with it the message: {who}" if rule else f"{who} gets no more messages of the pipeline"
        yield _finding("notifications-lost", change, words)
    elif change.action == "modify" and rule:
        lost = [_target(one) for one in mappings(old.get("Targets")) if _target(one) not in map(_target, mappings(new.get("Targets")))]
        if text(new.get("State")) == "DISABLED" != text(old.get("State")):
            yield _finding("notifications-lost", change, f"{change.logical_id} is switched off, and with it the message: {who}")
        elif lost:
            yield _finding("notifications-lost", change, f"{change.logical_id} tells fewer: {', '.join(lost)} no longer")
        elif text(old.get("EventPattern")) != text(new.get("EventPattern")):
            yield _finding("notifications-lost", change, f"{change.logical_id} tells of other events than before: {who}")
    elif change.action == "modify" and (change.replaces or change.renamed_from):
        endpoint = text(new.get("Endpoint"))
        words = f"{endpoint} gets messages only after somebody there has confirmed the new subscription"
        yield _finding("notifications-lost", change, words + (f"; {who} gets no more" if who != endpoint else ""))


def _target(target: object) -> str:
    return text(mapping(target).get("Arn"))


def environment_added(comparison: Comparison) -> Iterator[Finding]:
    """The pipeline deploys another environment."""
    for change, before, after in _pipelines(comparison):
        for owner, new in after.deployments.items():
            if owner not in before.deployments:
                asks = "after an approval" if new.approved else "without an approval"
                yield _finding(
                    "environment-added", change, f"{gates.called(owner)} is now deployed by the pipeline, {asks}", verdict="safe"
                )


def environment_removed(comparison: Comparison) -> Iterator[Finding]:
    """The pipeline deploys an environment no more."""
    for change, before, after in _pipelines(comparison):
        for owner in before.deployments:
            if owner not in after.deployments:
                words = f"the pipeline no longer deploys {gates.called(owner)}: what runs there stays as it is, and on the bill"
                yield _finding("environment-removed", change, words)


def _pipelines(comparison: Comparison) -> Iterator[tuple[Change, Delivery, Delivery]]:
    for change in comparison.of_type(PIPELINE):
        if change.action == "modify":
            old, new = both_sides(comparison, change)
            yield change, Delivery(old), Delivery(new)


def _finding(rule: str, change: Change, words: str, *, verdict: Verdict = "risky", mend: str = "") -> Finding:
    return about(change, rule, verdict, words, mend, topic="pipeline")


GUIDE = "CodePipeline user guide"
CONDITIONS = f"{GUIDE}, Configure conditions for a stage (stage-conditions.html), and pipeline/stages.py"
STRUCTURE = f"{GUIDE}, Pipeline structure reference (reference-pipeline-structure.html), and pipeline/stages.py"
RULES: tuple[Rule, ...] = (
    Rule("gate-removed", gate_removed, CONDITIONS),
    Rule("gate-added", gate_added, CONDITIONS),
    Rule("source-changed", source_changed, f"{GUIDE}, Automate starting pipelines using triggers (pipelines-triggers.html)"),
    Rule("rollback-targets-lost", rollback_targets_lost, f"{GUIDE}, Configuring stage rollback, considerations (stage-rollback.html)"),
    Rule(
        "connection-pending",
        connection_pending,
        "Developer Tools console user guide, Workflow to create connections (welcome-connections-workflow.html)",
    ),
    Rule("build-trust", build_trust, "CodeBuild user guide, Pull request comment approval (pull-request-build-policy.html)"),
    Rule("notifications-lost", notifications_lost, "SNS developer guide, Confirm the subscription (SendMessageToHttp.confirm.html)"),
    Rule("environment-added", environment_added, STRUCTURE),
    Rule("environment-removed", environment_removed, STRUCTURE),
)
