"""Stages, actions, rules and triggers of a rendered pipeline against the documented keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.checks.action_keys import ACTIONS, RESULTS, RULES, SKIPPING_RULES, Keys
from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding

PIPELINE = "AWS::CodePipeline::Pipeline"


def findings(document: Document) -> Iterator[Finding]:
    for logical_id, properties in document.resources(PIPELINE):
        for where, message in _pipeline(properties):
            yield Finding(path=document.path, where=f"{logical_id}.{where}", rule="pipeline-actions", message=message)


def _pipeline(properties: dict[str, Any]) -> Iterator[tuple[str, str]]:
    stages = properties.get("Stages", [])
    for number, stage in enumerate(stages):
        name = stage.get("Name", f"Stages[{number}]")
        for action in stage.get("Actions", []):
            for message in _action(action, first=number == 0):
                yield f"{name}.{action.get('Name')}", message
        for entry in RESULTS.keys() & stage.keys():
            for message in _conditions(entry, stage[entry]):
                yield f"{name}.{entry}", message
    sources = {action.get("Name") for stage in stages[:1] for action in stage.get("Actions", [])}
    yield from _triggers(properties.get("Triggers", []), sources)


def _action(action: dict[str, Any], *, first: bool) -> Iterator[str]:
    kind = action.get("ActionTypeId", {})
    category, provider = kind.get("Category"), kind.get("Provider")
    if kind.get("Owner") != "AWS" or kind.get("Version") != "1":
        yield f"Owner {kind.get('Owner')!r}, Version {kind.get('Version')!r}: use AWS and '1'"
    if (category == "Source") != first:
        yield "source actions belong in the first stage, and nothing else does"
    keys = ACTIONS.get((category, provider))
    if keys is None:
        known = ", ".join(f"{c}/{p}" for c, p in sorted(ACTIONS))
        yield f"no action {category}/{provider} is known here: use one of {known}, or add its keys to pipeline/checks/action_keys.py"
        return
    yield from _configuration(action.get("Configuration", {}), keys)
    if "TimeoutInMinutes" in action and category != "Approval":
        yield "TimeoutInMinutes is for approvals only"


def _configuration(configuration: dict[str, Any], keys: Keys) -> Iterator[str]:
    for key in sorted(configuration.keys() - keys.required - keys.optional):
        known = ", ".join(sorted(keys.required | keys.optional))
        yield f"Configuration.{key} is not documented ({keys.page}): use one of {known}"
    for key in sorted(keys.required - configuration.keys()):
        yield f"Configuration.{key} is missing ({keys.page})"
    for key, words in keys.words.items():
        value = configuration.get(key)
        if isinstance(value, str) and (wrong := sorted(set(value.split(",")) - words)):
            yield f"Configuration.{key}: {', '.join(wrong)} is none of {', '.join(sorted(words))}"


def _conditions(entry: str, block: dict[str, Any]) -> Iterator[str]:
    conditions = block.get("Conditions", [])
    results = [block["Result"]] if "Result" in block else [condition.get("Result") for condition in conditions]
    for result in results:
        if result not in RESULTS[entry]:
            yield f"Result {result!r} is none of {', '.join(sorted(RESULTS[entry]))}"
    if len(conditions) > 1:
        yield f"{len(conditions)} conditions: AWS takes one"
    for condition in conditions:
        for rule in condition.get("Rules", []):
            yield from _rule(rule, skips=condition.get("Result") == "SKIP")


def _rule(rule: dict[str, Any], *, skips: bool) -> Iterator[str]:
    name, provider = rule.get("Name"), rule.get("RuleTypeId", {}).get("Provider")
    if skips and provider not in SKIPPING_RULES:
        yield f"rule {name}: only {' and '.join(sorted(SKIPPING_RULES))} may skip a stage"
    keys = RULES.get(provider)
    if keys is None:
        known = ", ".join(sorted(RULES))
        yield f"rule {name}: no provider {provider} is known here: use one of {known}, or add its keys to pipeline/checks/action_keys.py"
        return
    for message in _configuration(rule.get("Configuration", {}), keys):
        yield f"rule {name}: {message}"


def _triggers(triggers: list[dict[str, Any]], sources: set[Any]) -> Iterator[tuple[str, str]]:
    """What the service model cannot say; its words, patterns and numbers are checked in service_models.py."""
    named = [trigger.get("GitConfiguration", {}).get("SourceActionName") for trigger in triggers]
    for name in named:
        if name not in sources:
            yield "Triggers", f"SourceActionName {name!r} is no action of the first stage"
        if named.count(name) > 1:
            yield "Triggers", f"source action {name!r} has more than one trigger"
    for trigger in triggers:
        for kind in ("Push", "PullRequest"):
            for filter_ in trigger.get("GitConfiguration", {}).get(kind, []):
                criteria = filter_.keys() & {"Tags", "Branches", "FilePaths"}
                if "Tags" in criteria and len(criteria) > 1:
                    yield f"Triggers.{kind}", "tags cannot be combined with branches or file paths"
                if "FilePaths" in criteria and "Branches" not in criteria:
                    yield f"Triggers.{kind}", "file paths need branches beside them"
