"""Stage conditions: rules that let an execution into a stage, judge a success, or decide what a failure means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline import deployment_window as cron
from pipeline.local.codepipeline import acting, records, variables
from pipeline.local.codepipeline.action import AbandonedError
from pipeline.local.iam import sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World

# An alarm's WaitTime is minutes; a person at a laptop is not made to wait longer than this, and the rule's summary says so.
LONGEST_ALARM_WATCH = timedelta(seconds=5)
WINDOW_POLL_SECONDS = 15.0


class RuleFailedError(Exception):
    """The rule's condition does not hold; the message is its summary."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule under evaluation; `configuration` is resolved, and `session` is as whom it looks at anything of AWS."""

    world: World
    configuration: Mapping[str, str]
    region: str
    session: Callable[[], sessions.Session]
    interrupted: Callable[[], bool]

    def need(self, allowed: Sequence[str], required: Sequence[str]) -> None:
        unknown = sorted(set(self.configuration) - set(allowed))
        if unknown:
            raise RuleFailedError(f"configuration key {', '.join(unknown)} is not supported by the local engine")
        missing = sorted(set(required) - set(self.configuration))
        if missing:
            raise RuleFailedError(f"configuration key {', '.join(missing)} is missing")

    def wait(self, seconds: float) -> None:
        with self.world.changed:
            self.world.changed.wait(seconds)
        if self.world.closing.is_set() or self.interrupted():
            raise AbandonedError


COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQ": lambda found, wanted: found == wanted,
    "NE": lambda found, wanted: found != wanted,
    "CONTAINS": lambda found, wanted: wanted in found,
    "MATCHES": lambda found, wanted: re.fullmatch(wanted, found) is not None,
}


def variable_check(rule: Rule) -> str:
    rule.need(("Variable", "Value", "Operator"), ("Variable", "Value", "Operator"))
    found, wanted, operator = rule.configuration["Variable"], rule.configuration["Value"], rule.configuration["Operator"]
    if operator not in COMPARISONS:
        raise RuleFailedError(f"Operator {operator} is not one of {', '.join(COMPARISONS)}")
    if not COMPARISONS[operator](found, wanted):
        raise RuleFailedError(f"'{found}' {operator} '{wanted}' does not hold")
    return f"'{found}' {operator} '{wanted}'"


def deployment_window(rule: Rule) -> str:
    """Waits until the window opens, as CodePipeline does."""
    rule.need(("Cron", "TimeZone"), ("Cron",))
    zone_name = rule.configuration.get("TimeZone", "UTC")
    try:
        zone = cron.zone(zone_name)
        while not cron.matches(rule.configuration["Cron"], rule.world.clock().astimezone(zone)):
            rule.wait(WINDOW_POLL_SECONDS)
    except ValueError as error:
        raise RuleFailedError(str(error)) from error
    return f"inside {rule.configuration['Cron']} ({zone_name})"


def cloudwatch_alarm(rule: Rule) -> str:
    rule.need(("AlarmName", "AlarmStates", "WaitTime"), ("AlarmName",))
    name = rule.configuration["AlarmName"]
    bad = [state.strip() for state in rule.configuration.get("AlarmStates", "ALARM").split(",")]
    asked = timedelta(minutes=int(rule.configuration.get("WaitTime", "0")))
    until = rule.world.clock() + min(asked, LONGEST_ALARM_WATCH)
    while (state := _alarm_state(rule, name)) in bad and rule.world.clock() < until:
        rule.wait(0.5)
    if state in bad:
        raise RuleFailedError(f"alarm {name} is in state {state}")
    return f"alarm {name} is in state {state}" + (
        f"; WaitTime {asked} is cut to {LONGEST_ALARM_WATCH} here" if asked > LONGEST_ALARM_WATCH else ""
    )


def _alarm_state(rule: Rule, name: str) -> str:
    client = sessions.client(rule.world, rule.session(), "cloudwatch", region=rule.region)
    try:
        found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    except ClientError as refused:
        raise RuleFailedError(refused.response["Error"]["Message"]) from refused
    alarms = found["MetricAlarms"] + found["CompositeAlarms"]
    if not alarms:
        raise RuleFailedError(f"there is no alarm {name}")
    state: str = alarms[0]["StateValue"]
    return state


RULES: dict[str, Callable[[Rule], str]] = {
    "VariableCheck": variable_check,
    "DeploymentWindow": deployment_window,
    "CloudWatchAlarm": cloudwatch_alarm,
}


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The conditions of one kind (beforeEntry, onSuccess, onFailure) of one stage of one execution."""

    world: World
    pipeline: Mapping[str, Any]
    execution_id: str
    stage: str
    kind: str
    region: str
    interrupted: Callable[[], bool]

    def first_unmet(self, conditions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The first condition of which a rule failed, after writing every rule's state down."""
        for number, condition in enumerate(conditions):
            held = [self._rule(number, rule) for rule in condition.get("rules", ())]
            self._state(number, "Succeeded" if all(held) else "Failed")
            if not all(held):
                return condition
        return None

    def _rule(self, number: int, declaration: Mapping[str, Any]) -> bool:
        with self.world.changed:
            execution = self.world.store.get(records.EXECUTION, self.execution_id)
            if execution is None:
                raise LookupError(self.execution_id)
            document = self._begin(execution, declaration)
        self._show(number, document)
        try:
            document["output"]["executionResult"]["externalExecutionSummary"] = self._evaluate(execution, declaration, document)
            document["status"] = "Succeeded"
        except (AwsError, RuleFailedError, variables.UnresolvedError) as failure:
            document["status"] = "Failed"
            document["output"]["executionResult"] |= {
                "externalExecutionSummary": str(failure),
                "errorDetails": {"code": "RuleFailed", "message": str(failure)},
            }
        document["lastUpdateTime"] = records.now(self.world)
        records.put(self.world, records.RULE, document["ruleExecutionId"], document)
        self._show(number, document)
        return bool(document["status"] == "Succeeded")

    def _evaluate(self, execution: records.Document, declaration: Mapping[str, Any], document: records.Document) -> str:
        provider = declaration["ruleTypeId"]["provider"]
        if provider not in RULES:
            raise RuleFailedError(f"rule provider {provider} is not supported here (stage {self.stage}, rule {declaration['name']})")
        resolved = variables.resolve_all(declaration.get("configuration", {}), variables.of_execution(execution))
        document["input"]["resolvedConfiguration"] = resolved
        rule = Rule(
            world=self.world,
            configuration=resolved,
            region=declaration.get("region", self.region),
            session=partial(acting.action_session, self.world, self.pipeline, declaration, self.execution_id),
            interrupted=self.interrupted,
        )
        return RULES[provider](rule)

    def _begin(self, execution: records.Document, declaration: Mapping[str, Any]) -> records.Document:
        document = {
            "pipelineExecutionId": self.execution_id,
            "ruleExecutionId": records.new_id(),
            "pipelineVersion": execution["version"],
            "pipeline": execution["pipeline"],
            "stageName": self.stage,
            "ruleName": declaration["name"],
            "startTime": records.now(self.world),
            "lastUpdateTime": records.now(self.world),
            "status": "InProgress",
            "input": {
                "ruleTypeId": declaration["ruleTypeId"],
                "configuration": declaration.get("configuration", {}),
                "region": declaration.get("region", self.region),
                "inputArtifacts": [],
            },
            "output": {"executionResult": {"externalExecutionSummary": ""}},
        }
        records.put(self.world, records.RULE, str(document["ruleExecutionId"]), document)
        return document

    def _show(self, number: int, document: records.Document) -> None:
        result = document["output"]["executionResult"]
        latest = {
            "ruleExecutionId": document["ruleExecutionId"],
            "status": document["status"],
            "summary": result["externalExecutionSummary"],
            "lastStatusChange": document["lastUpdateTime"],
        } | ({"errorDetails": result["errorDetails"]} if "errorDetails" in result else {})
        with records.changing(self.world, records.EXECUTION, self.execution_id) as execution:
            states = self._states(execution, number)
            states["rules"] = [rule for rule in states["rules"] if rule["ruleName"] != document["ruleName"]]
            states["rules"].append({"ruleName": document["ruleName"], "latestExecution": latest})

    def _state(self, number: int, status: str) -> None:
        with records.changing(self.world, records.EXECUTION, self.execution_id) as execution:
            self._states(execution, number).update(status=status, lastStatusChange=records.now(self.world))

    def _states(self, execution: records.Document, number: int) -> records.Document:
        kinds = execution["stages"].setdefault(self.stage, {"status": "", "actions": {}}).setdefault("conditions", {})
        listed = kinds.setdefault(self.kind, [])
        while len(listed) <= number:
            listed.append({"status": "InProgress", "lastStatusChange": records.now(self.world), "rules": []})
        states: records.Document = listed[number]
        return states
