"""Which lifecycle rules of an ECR repository can take an image that is deployed. ECR does not know what is deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review.read import mapping, mappings

# What a rule takes, by what it counts (ECR user guide, Lifecycle policy properties).
COUNTED = {
    "imageCountMoreThan": "all but the last {count} images",
    "sinceImagePushed": "images that were pushed more than {count} {unit} ago",
    "sinceImagePulled": "images that nobody pulled for {count} {unit}, whether a task runs them or not",
    "sinceImageTransitioned": "images that were archived more than {count} {unit} ago",
}


def dangerous(repository: Mapping[str, Any]) -> Iterator[str]:
    """What each rule that selects tagged images does: deployed ones have the tag of their commit."""
    for rule in _rules(mapping(repository.get("LifecyclePolicy")).get("LifecyclePolicyText")):
        selection, action = mapping(rule.get("selection")), mapping(rule.get("action"))
        if selection.get("tagStatus") in ("tagged", "any"):
            words = COUNTED.get(str(selection.get("countType")), "images")
            taken = words.format(count=selection.get("countNumber"), unit=selection.get("countUnit", "days"))
            # An archived image cannot be pulled until somebody restores it.
            yield f"a lifecycle rule {'archives' if action.get('type') == 'transition' else 'deletes'} {taken}{_tags(selection)}"


def _rules(text: Any) -> list[Mapping[str, Any]]:
    try:
        return mappings(mapping(json.loads(text)).get("rules")) if isinstance(text, str) else []
    except (ValueError, RecursionError):
        return []


def _tags(selection: Mapping[str, Any]) -> str:
    named = selection.get("tagPrefixList") or selection.get("tagPatternList")
    return f", tagged {', '.join(map(str, named))}" if selection["tagStatus"] == "tagged" and isinstance(named, list) else ""
