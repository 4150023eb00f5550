"""An AWS::CodePipeline::Pipeline as a review reads it: what runs before each deployment, and on which condition."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.review.read import items, mapping, mappings, text

OWNER = re.compile(r"::(?:.*/)?([^/]+)/[^/]+$")
FINGERPRINT = re.compile(r"#\{[^{}]+\.FINGERPRINT\}")


@dataclass(frozen=True, kw_only=True)
class Action:
    """`at` is its place in the run: number of the stage, then RunOrder."""

    stage: str
    name: str
    at: tuple[int, int]
    category: str
    configuration: Mapping[str, Any]
    variables: Mapping[str, str]

    @property
    def project(self) -> str:
        return text(self.configuration.get("ProjectName"))

    @property
    def owner(self) -> str:
        """Whose stack it deploys: the folder of its template."""
        found = OWNER.search(text(self.configuration.get("TemplatePath")))
        return found[1] if found else self.stage


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    actions: tuple[Action, ...]
    conditions: tuple[Mapping[str, Any], ...]
    rolls_back: bool

    @property
    def skipped_unless(self) -> str:
        """The condition under which it runs at all; empty: it always does."""
        rules = [rule for one in self.conditions if one.get("Result") != "FAIL" for rule in mappings(one.get("Rules"))]
        skips = any(one.get("Result") != "FAIL" for one in self.conditions)
        return " and ".join(_rule(one) for one in rules) or ("a condition that cannot be read here" if skips else "")

    @property
    def window(self) -> str:
        """Empty: at any time, also where a window says so."""
        for one in self.conditions:
            for rule in mappings(one.get("Rules")):
                if mapping(rule.get("RuleTypeId")).get("Provider") == "DeploymentWindow":
                    settings = mapping(rule.get("Configuration"))
                    cron = text(settings.get("Cron"))
                    return f"{cron} {text(settings.get('TimeZone', 'UTC'))}" if set(cron) - set("*? ") else ""
        return ""


def _rule(rule: Mapping[str, Any]) -> str:
    settings = mapping(rule.get("Configuration"))
    words = [text(settings[key]) for key in ("Variable", "Operator", "Value") if key in settings]
    return " ".join(words) or text(rule)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One owner's deployment, and what guards it. `builds` are the projects that run before it, `follows` the owners.

    `verify_undoes`: it is verified within its stage, so a rollback follows where that fails.
    """

    owner: str
    approved: bool
    approved_if: str
    planned: bool
    gated: bool
    expects: bool
    knows_run: bool
    window: str
    rolls_back: bool
    verified: bool
    verify_undoes: bool
    builds: frozenset[str]
    follows: frozenset[str]


@dataclass(frozen=True)
class Delivery:
    properties: Mapping[str, Any]

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        return tuple(_stage(number, one) for number, one in enumerate(mappings(self.properties.get("Stages"))))

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        return tuple(sorted((one for stage in self.stages for one in stage.actions), key=lambda one: one.at))

    @cached_property
    def deployments(self) -> dict[str, Deployment]:
        deploys = [one for one in self.actions if one.category == "Deploy"]
        result = {}
        for owner in dict.fromkeys(one.owner for one in deploys):
            first, last = (_at([one for one in deploys if one.owner == owner], end) for end in (0, -1))
            previous = max((one.at for one in deploys if one.at < first), default=(-1, 0))
            result[owner] = self._deployment(owner, previous, first, last)
        return result

    def _deployment(self, owner: str, previous: tuple[int, int], first: tuple[int, int], last: tuple[int, int]) -> Deployment:
        """What belongs to another deployment before this one says nothing about this one."""
        stage = self.stages[first[0]]
        before = [one for one in self.actions if previous < one.at < first]
        builds = [one for one in self.actions if one.category == "Build"]
        gates = [one for one in stage.actions if one.category == "Build" and one.at < first]
        verifies = [one for one in builds if one.at > last and one.variables.get("ENVIRONMENT") == owner]
        conditions = [self.stages[one.at[0]].skipped_unless for one in before if one.category == "Approval"]
        return Deployment(
            owner=owner,
            approved=bool(conditions),
            approved_if=min(conditions, default=""),
            planned=any(one in builds and one not in gates and one.variables.get("ENVIRONMENT") == owner for one in before),
            gated=bool(gates),
            expects=any(FINGERPRINT.fullmatch(one.variables.get("EXPECT", "")) for one in gates),
            knows_run=any("EXECUTION" in one.variables for one in gates),
            window=stage.window,
            rolls_back=stage.rolls_back,
            verified=bool(verifies),
            verify_undoes=stage.rolls_back and any(one.at[0] == last[0] for one in verifies),
            follows=frozenset(one.owner for one in self.actions if one.category == "Deploy" and one.at < first),
            builds=frozenset(one.project for one in builds if one.at < first and "ENVIRONMENT" not in one.variables),
        )

    @property
    def source(self) -> Mapping[str, Any]:
        return next((one.configuration for one in self.actions if one.category == "Source"), {})

    @property
    def starts(self) -> frozenset[str]:
        """What starts a run, in words."""
        result = set()
        for trigger in mappings(self.properties.get("Triggers")):
            git = mapping(trigger.get("GitConfiguration"))
            for push in mappings(git.get("Push")):
                tags = [f"a push of tag {text(one)}" for one in items(mapping(push.get("Tags")).get("Includes"))]
                result |= {*tags, *_branches("a push to", push, default=not tags)}
            for request in mappings(git.get("PullRequest")):
                result |= {*_branches("a pull request against", request, default=True)}
        return frozenset(result)


def _branches(words: str, filters: Mapping[str, Any], *, default: bool) -> list[str]:
    """Without a filter every branch counts."""
    branches = [text(one) for one in items(mapping(filters.get("Branches")).get("Includes"))]
    return [f"{words} {one}" for one in branches] or ([f"{words} any branch"] if default else [])


def _at(actions: list[Action], end: int) -> tuple[int, int]:
    return actions[end].at


def _stage(number: int, stage: Mapping[str, Any]) -> Stage:
    name = text(stage.get("Name"))
    failure = mapping(stage.get("OnFailure"))
    results = [failure.get("Result"), *(one.get("Result") for one in mappings(failure.get("Conditions")))]
    return Stage(
        name=name,
        actions=tuple(sorted((_action(number, name, one) for one in mappings(stage.get("Actions"))), key=lambda one: one.at)),
        conditions=tuple(mappings(mapping(stage.get("BeforeEntry")).get("Conditions"))),
        rolls_back="ROLLBACK" in results,
    )


def _action(number: int, stage: str, action: Mapping[str, Any]) -> Action:
    configuration = mapping(action.get("Configuration"))
    order = action.get("RunOrder")
    return Action(
        stage=stage,
        name=text(action.get("Name")),
        at=(number, order if isinstance(order, int) else 1),
        category=text(mapping(action.get("ActionTypeId")).get("Category")),
        configuration=configuration,
        variables=_variables(configuration.get("EnvironmentVariables")),
    )


def _variables(written: Any) -> dict[str, str]:
    try:
        found = json.loads(written) if isinstance(written, str) else []
    except ValueError:
        return {}
    return {text(one.get("name")): text(one.get("value")) for one in mappings(found)}
