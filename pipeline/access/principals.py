"""Every role in the rendered templates, with its policies as IAM will read them: references resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from troposphere import Template

from pipeline.access.arns import NEW, Placed, own
from pipeline.access.decide import Held, Principal
from pipeline.catalog import ENVIRONMENT_STACKS, SHARED_STACKS, outside
from pipeline.review.statements import policy
from stacks.environment import Environment
from stacks.project import Project
from stacks.spec import StackSpec

ROLE, MANAGED = "AWS::IAM::Role", "AWS::IAM::ManagedPolicy"
# Types whose Ref is the ARN; of all others it is the name, with which the ARN ends.
REF_IS_ARN = {"AWS::SNS::Topic", MANAGED, "AWS::ECS::TaskDefinition", "AWS::CertificateManager::Certificate"}


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack of the project, as far as its template tells what will be there."""

    owner: str
    stack: str
    account: str
    region: str
    template: Mapping[str, Any]

    def placed(self, kind: str = "") -> Iterator[Placed]:
        """Every resource, or every one of a kind."""
        for name, resource in self.template["Resources"].items():
            if kind in ("", resource["Type"]):
                yield self._placed(name)

    def _placed(self, name: str) -> Placed:
        resource = self.template["Resources"][name]
        return Placed(
            account=self.account,
            region=self.region,
            stack=self.stack,
            name=name,
            type=resource["Type"],
            properties=self.value(resource.get("Properties", {})),
        )

    def kept(self, name: str) -> bool:
        """Whether nobody deletes it with its stack."""
        return str(self.template["Resources"][name].get("DeletionPolicy", "")) == "Retain"

    def value(self, node: Any) -> Any:
        """The node without references."""
        if isinstance(node, list):
            return [self.value(one) for one in node]
        if not isinstance(node, Mapping):
            return node
        if len(node) == 1:
            (function, argument), *_ = node.items()
            if function in _FUNCTIONS:
                return _FUNCTIONS[function](self, argument)
        return {key: self.value(inner) for key, inner in node.items()}

    def ref(self, name: str) -> str:
        pseudo = {"AWS::AccountId": self.account, "AWS::Region": self.region, "AWS::Partition": "aws", "AWS::StackName": self.stack}
        if name in pseudo:
            return pseudo[name]
        if name not in self.template["Resources"]:
            return self._parameter(name)
        found = self._arn(name)
        kind = self.template["Resources"][name]["Type"]
        if kind in REF_IS_ARN:
            return found
        # A log group's name has slashes.
        return found.split(":", 6)[6] if kind == "AWS::Logs::LogGroup" else re.split("[/:]", found)[-1]

    def _parameter(self, name: str) -> str:
        """What an earlier stack has made is told by its name."""
        if name.startswith("TargetGroupFullName"):
            return f"targetgroup/{NEW}/{NEW}"
        where = f"{self.region}:{self.account}"
        return {
            "Alternate": f"{NEW}/{NEW},{NEW}",
            "AlarmTopicArn": f"arn:aws:sns:{where}:{name}",
            "ArtifactKeyArn": f"arn:aws:kms:{where}:key/{NEW}",
            "ConnectionArn": f"arn:aws:codeconnections:{where}:{name}",
            "LoadBalancerFullName": f"net/{NEW}/{NEW}",
            "RulesBucketName": f"{self.stack.rpartition('-')[0]}-pipeline-rulesbucket-{NEW}",
            "SigningProfileArn": f"arn:aws:signer:{where}:/signing-profiles/{NEW}",
            "TopicArn": f"arn:aws:sns:{where}:{self.stack.rpartition('-')[0]}-pipeline-Topic-{NEW}",
        }.get(re.sub(r"\d+$", "", name), f"<{name}>")

    def _arn(self, name: str) -> str:
        found = own(self._placed(name))
        return found[0] if found else f"<{name}>"

    def attribute(self, name: str, attribute: str) -> str:
        if attribute not in ("Arn", "TopicArn", "PolicyArn", "ServiceArn"):
            return f"<{name}.{attribute}>"
        # The ARN of a log group ends in what is in it (AWS::Logs::LogGroup, return values).
        return self._arn(name) + (":*" if self.template["Resources"][name]["Type"] == "AWS::Logs::LogGroup" else "")

    def substituted(self, text: str, given: Mapping[str, Any] = MappingProxyType({})) -> str:
        def one(found: re.Match[str]) -> str:
            name, _, attribute = found[1].partition(".")
            if name in given:
                return str(self.value(given[name]))
            return self.attribute(name, attribute) if attribute else self.ref(name)

        return re.sub(r"\$\{([\w:.]+)\}", one, text)


def _get_att(stack: Deployed, argument: Any) -> str:
    name, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
    return stack.attribute(name, attribute)


def _selected(values: Any, number: int) -> Any:
    """AWS makes up what cannot be split before it is there."""
    return values[number] if isinstance(values, list) and number < len(values) else NEW


_FUNCTIONS: Mapping[str, Any] = {
    "Ref": Deployed.ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": lambda stack, argument: stack.substituted(*([argument] if isinstance(argument, str) else argument)),
    "Fn::Select": lambda stack, argument: _selected(stack.value(argument[1]), int(argument[0])),
    "Fn::Split": lambda stack, argument: str(stack.value(argument[1])).split(argument[0]),
    "Fn::Join": lambda stack, argument: argument[0].join(str(stack.value(one)) for one in argument[1]),
}


@dataclass(frozen=True, kw_only=True)
class Named:
    """A role: `owner` is the environment or `shared`, `logical` its name in the template; `statements` are what is attached to it."""

    owner: str
    stack: str
    logical: str
    arn: str
    trust: Mapping[str, Any]
    statements: tuple[Mapping[str, Any], ...]
    boundary: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        return f"{self.stack}/{self.logical}"

    def principal(self, without: int | None = None) -> Principal:
        """`without`: the number of a statement that is left out."""
        kept = [one for number, one in enumerate(self.statements) if number != without]
        boundary = policy(self.boundary) if self.boundary is not None else None
        return Principal(arn=self.arn, identity=policy({"Version": "2012-10-17", "Statement": kept}), boundary=boundary)

    def trusted(self) -> Held:
        return Held(policy=policy(self.trust), account=self.arn.split(":")[4], decides=True)


def stacks(project: Project, of_environments: Sequence[StackSpec[Environment]] = ENVIRONMENT_STACKS) -> list[Deployed]:
    """Every stack that the configuration wants; `of_environments` are those that somebody wants of each environment."""
    config = project.pipeline
    found = [
        Deployed(
            owner="shared",
            stack=project.stack_name(spec.name),
            account=config.account,
            region=config.region,
            template=_plain(spec.build(project)),
        )
        for spec in SHARED_STACKS
        if spec.wanted(project)
    ]
    found += [
        Deployed(owner=one.account, stack=one.name, account=one.account, region=one.region, template=_plain(one.spec.build(one.config)))
        for one in outside(project)
    ]
    for env in project.environments:
        found += [
            Deployed(
                owner=env.name, stack=env.stack_name(spec.name), account=env.account, region=env.region, template=_plain(spec.build(env))
            )
            for spec in of_environments
            if spec.wanted(env)
        ]
    return found


def _plain(template: Template) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = json.loads(template.to_json())
    return plain


def principals(project: Project) -> list[Named]:
    return roles(stacks(project))


def roles(deployed: Sequence[Deployed]) -> list[Named]:
    """A boundary is known by its ARN, whichever stack makes it."""
    managed = {own(one)[0]: one.properties["PolicyDocument"] for stack in deployed for one in stack.placed(MANAGED)}
    return [role for stack in deployed for role in _roles(stack, managed)]


def _roles(stack: Deployed, managed: Mapping[str, Any]) -> Iterator[Named]:
    for placed in stack.placed(ROLE):
        limit = placed.properties.get("PermissionsBoundary")
        documents = [one["PolicyDocument"] for one in placed.properties.get("Policies", [])]
        documents += [managed[arn] for arn in placed.properties.get("ManagedPolicyArns", []) if arn in managed]
        yield Named(
            owner=stack.owner,
            stack=stack.stack,
            logical=placed.name,
            arn=own(placed)[0],
            trust=placed.properties["AssumeRolePolicyDocument"],
            statements=tuple(statement for document in documents for statement in document["Statement"]),
            # Whoever has a boundary that is not there may do nothing.
            boundary=managed.get(limit, {"Statement": []}) if limit else None,
        )
