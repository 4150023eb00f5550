"""JSON inside a template's strings, which no template linter reads: ECR lifecycle policies and CloudWatch dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding

LIFECYCLE_CHARACTERS = 100  # AWS::ECR::Repository's schema: LifecyclePolicyText has at least 100
DASHBOARD_COLUMNS = 24
COUNT_TYPES = ("imageCountMoreThan", "sinceImagePushed", "sinceImagePulled", "sinceImageTransitioned")
TAG_STATUSES = ("tagged", "untagged", "any")


def findings(document: Document) -> Iterator[Finding]:
    for logical_id, properties in document.resources("AWS::ECR::Repository"):
        if "LifecyclePolicy" in properties:
            for message in _lifecycle(properties["LifecyclePolicy"].get("LifecyclePolicyText")):
                yield Finding(path=document.path, where=f"{logical_id}.LifecyclePolicy", rule="lifecycle-policy", message=message)
    for logical_id, properties in document.resources("AWS::CloudWatch::Dashboard"):
        for message in _dashboard(properties.get("DashboardBody")):
            yield Finding(path=document.path, where=f"{logical_id}.DashboardBody", rule="dashboard", message=message)


def _parsed(value: Any) -> Any:
    """Variables of Fn::Sub stand inside JSON strings, so the text around them parses as it is."""
    text: Any = value.get("Fn::Sub") if isinstance(value, dict) else value
    return json.loads(text[0] if isinstance(text, list) else text)


def _lifecycle(text: Any) -> Iterator[str]:
    if isinstance(text, str) and len(text) < LIFECYCLE_CHARACTERS:
        yield f"has {len(text)} characters: ECR wants at least {LIFECYCLE_CHARACTERS}"
    try:
        rules = _parsed(text)["rules"]
    except (ValueError, TypeError, KeyError) as error:
        yield f"is not a lifecycle policy: {error!r}"
        return
    priorities = [rule.get("rulePriority") for rule in rules]
    if len(set(priorities)) != len(priorities):
        yield f"rule priorities {priorities} are not unique"
    for rule in rules:
        for message in _rule(rule, last=rule.get("rulePriority") == max(priorities)):
            yield f"rule {rule.get('rulePriority')}: {message}"


def _rule(rule: dict[str, Any], *, last: bool) -> Iterator[str]:
    selection = rule.get("selection", {})
    status = selection.get("tagStatus")
    if status not in TAG_STATUSES:
        yield f"tagStatus {status!r} is none of {', '.join(TAG_STATUSES)}"
    if status == "any" and not last:
        yield "a rule for any image must have the highest priority number"
    if (status == "tagged") != bool(selection.keys() & {"tagPrefixList", "tagPatternList"}):
        yield "tagPrefixList or tagPatternList belongs to tagStatus tagged, and only there"
    if selection.get("countType") not in COUNT_TYPES:
        yield f"countType {selection.get('countType')!r} is none of {', '.join(COUNT_TYPES)}"
    if (selection.get("countType") != "imageCountMoreThan") != ("countUnit" in selection):
        yield "countUnit belongs to the since... count types, and only there"
    number = selection.get("countNumber")
    if not isinstance(number, int) or number < 1:
        yield f"countNumber {number!r} is not a positive number"
    if rule.get("action", {}).get("type") not in ("expire", "transition"):
        yield f"action {rule.get('action')!r} is neither expire nor transition"


def _dashboard(body: Any) -> Iterator[str]:
    try:
        widgets = _parsed(body)["widgets"]
    except (ValueError, TypeError, KeyError) as error:
        yield f"is not a dashboard: {error!r}"
        return
    for number, widget in enumerate(widgets):
        if "type" not in widget or "properties" not in widget:
            yield f"widget {number} needs type and properties"
        if widget.get("x", 0) + widget.get("width", 6) > DASHBOARD_COLUMNS:
            yield f"widget {number} reaches beyond column {DASHBOARD_COLUMNS}"
