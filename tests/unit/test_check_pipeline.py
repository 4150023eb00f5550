"""What the checks say about a pipeline that CodePipeline would refuse, or would run wrongly, and that cfn-lint takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pipeline.checks import pipeline_actions, pipeline_files, pipeline_variables, service_models
from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding

Change = Callable[[dict[str, Any]], Any]


def action(name: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
    kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    inputs = [] if category in ("Source", "Approval") else [{"Name": "Source"}]
    return {"Name": name, "ActionTypeId": kind, "Configuration": configuration, "InputArtifacts": inputs, "RunOrder": 1, **more}


def stack(name: str, run_order: int, overrides: dict[str, str]) -> dict[str, Any]:
    configuration = {
        "ActionMode": "CREATE_UPDATE",
        "StackName": f"kotei-{name}",
        "TemplatePath": f"Source::stacks/rendered/staging/{name}.yaml",
        "TemplateConfiguration": f"Source::stacks/rendered/staging/{name}.json",
        "ParameterOverrides": json.dumps(overrides),
    }
    return action(name, "Deploy", "CloudFormation", configuration, Namespace=name, RunOrder=run_order)


def rule(provider: str, configuration: dict[str, str]) -> dict[str, Any]:
    kind = {"Category": "Rule", "Owner": "AWS", "Provider": provider, "Version": "1"}
    return {"Name": "Rule", "RuleTypeId": kind, "Configuration": configuration}


SOURCE = action(
    "Source",
    "Source",
    "CodeStarSourceConnection",
    {"ConnectionArn": "arn", "FullRepositoryId": "example-org/kotei", "BranchName": "main", "DetectChanges": "false"},
    Namespace="Source",
    OutputArtifacts=[{"Name": "Source"}],
)
BUILD = action("Image", "Build", "CodeBuild", {"ProjectName": "kotei-image", "EnvironmentVariables": "[]"}, Namespace="Image")
ASK = action("Approve", "Approval", "Manual", {"CustomData": "#{Source.CommitId}"}, TimeoutInMinutes=60)
SKIP = {
    "Conditions": [{"Result": "SKIP", "Rules": [rule("VariableCheck", {"Variable": "#{Image.DIGEST}", "Operator": "EQ", "Value": "x"})]}]
}
PIPELINE: dict[str, Any] = {
    "PipelineType": "V2",
    "Stages": [
        {"Name": "Source", "Actions": [SOURCE]},
        {"Name": "Image", "Actions": [BUILD]},
        {"Name": "Approve", "Actions": [ASK], "BeforeEntry": SKIP},
        {
            "Name": "Deploy",
            "Actions": [stack("network", 1, {}), stack("service", 2, {"VpcId": "#{network.VpcId}", "Digest": "#{Image.DIGEST}"})],
            "OnFailure": {"Result": "ROLLBACK"},
        },
    ],
    "Triggers": [
        {
            "ProviderType": "CodeStarSourceConnection",
            "GitConfiguration": {
                "SourceActionName": "Source",
                "Push": [{"Branches": {"Includes": ["main"]}, "FilePaths": {"Excludes": ["*.md"]}}],
            },
        }
    ],
}
TEMPLATES = {
    "network": {"Outputs": {"VpcId": {"Value": "x"}}},
    "service": {"Parameters": {"VpcId": {"Type": "String"}, "Digest": {"Type": "String"}}},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in TEMPLATES:
        for suffix in ("yaml", "json"):
            file = tmp_path / f"stacks/rendered/staging/{name}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("{}")
    (tmp_path / "buildspec").mkdir()
    (tmp_path / "buildspec/image.yml").write_text("version: 0.2\nenv:\n  exported-variables: [DIGEST]\n")
    return tmp_path


def findings(root: Path, pipeline: dict[str, Any]) -> list[Finding]:
    project = {"Name": "kotei-image", "Source": {"Type": "CODEPIPELINE", "BuildSpec": "buildspec/image.yml"}}
    resources = {
        "Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": pipeline},
        "ImageProject": {"Type": "AWS::CodeBuild::Project", "Properties": project},
    }
    document = Document(path="pipeline.yaml", text="", region="ap-northeast-1", content={"Resources": resources})
    templates = {
        path: Document(path=path, text="", region="ap-northeast-1", content=content)
        for name, content in TEMPLATES.items()
        for path in [f"stacks/rendered/staging/{name}.yaml"]
    }
    return [
        *service_models.findings(document),
        *pipeline_actions.findings(document),
        *pipeline_files.findings(document, root, templates),
        *pipeline_variables.findings(document, root, templates),
    ]


def test_a_sound_pipeline_has_no_findings(root: Path) -> None:
    assert findings(root, PIPELINE) == []


def first_push(pipeline: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pipeline["Triggers"][0]["GitConfiguration"]["Push"][0]
    return found


def configuration(stage: int, number: int = 0) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda pipeline: pipeline["Stages"][stage]["Actions"][number]["Configuration"]


def condition(pipeline: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pipeline["Stages"][2]["BeforeEntry"]["Conditions"][0]
    return found


WRONG: dict[str, tuple[Change, str]] = {
    "an event that does not exist": (
        lambda p: p["Triggers"][0]["GitConfiguration"].update(PullRequest=[{"Events": ["OPENED"], "Branches": {"Includes": ["main"]}}]),
        "'OPENED' is none of CLOSED, OPEN, UPDATED",
    ),
    "nine patterns": (lambda p: first_push(p)["Branches"].update(Includes=[f"b{n}" for n in range(9)]), "9 entries is more than 8"),
    "tags and branches": (lambda p: first_push(p).update(Tags={"Includes": ["v*"]}), "tags cannot be combined"),
    "paths without branches": (lambda p: first_push(p).pop("Branches"), "file paths need branches"),
    "a trigger of no source": (
        lambda p: p["Triggers"][0]["GitConfiguration"].update(SourceActionName="Git"),
        "'Git' is no action of the first stage",
    ),
    "two triggers of a source": (lambda p: p["Triggers"].append(deepcopy(p["Triggers"][0])), "more than one trigger"),
    "a mode that does not exist": (lambda p: p.update(ExecutionMode="SERIAL"), "'SERIAL' is none of"),
    "a provider that nobody knows": (
        lambda p: p["Stages"][1]["Actions"][0]["ActionTypeId"].update(Provider="Jenkins"),
        "no action Build/Jenkins is known here",
    ),
    "an ECS deploy action": (
        lambda p: p["Stages"][3]["Actions"][0]["ActionTypeId"].update(Provider="ECS"),
        "no action Deploy/ECS is known here",
    ),
    "a source in a later stage": (lambda p: p["Stages"][1]["Actions"].append(deepcopy(SOURCE)), "belong in the first stage"),
    "a misspelt key": (lambda p: configuration(3)(p).update(TemplateParameters="{}"), "Configuration.TemplateParameters is not documented"),
    "a missing key": (lambda p: configuration(0)(p).pop("BranchName"), "Configuration.BranchName is missing"),
    "a misspelt action mode": (lambda p: configuration(3)(p).update(ActionMode="UPDATE"), "UPDATE is none of CHANGE_SET_EXECUTE"),
    "a misspelt capability": (
        lambda p: configuration(3)(p).update(Capabilities="CAPABILITY_IAM,CAPABILITY_ALL"),
        "CAPABILITY_ALL is none of",
    ),
    "a build that times out by itself": (
        lambda p: p["Stages"][1]["Actions"][0].update(TimeoutInMinutes=60),
        "TimeoutInMinutes is for approvals only",
    ),
    "an approval of no time": (lambda p: p["Stages"][2]["Actions"][0].update(TimeoutInMinutes=1), "1 is less than 5"),
    "a namespace with a space": (
        lambda p: p["Stages"][1]["Actions"][0].update(Namespace="the image"),
        "'the image' does not match",
    ),
    "a rule of no provider": (
        lambda p: condition(p)["Rules"][0]["RuleTypeId"].update(Provider="Calendar"),
        "no provider Calendar is known",
    ),
    "a rule that may not skip": (
        lambda p: condition(p)["Rules"].append(rule("DeploymentWindow", {"Cron": "* * * ? * *"})),
        "only LambdaInvoke and VariableCheck may skip",
    ),
    "a misspelt rule key": (
        lambda p: condition(p)["Rules"][0]["Configuration"].update(Expected="x"),
        "rule Rule: Configuration.Expected is not documented",
    ),
    "a misspelt operator": (lambda p: condition(p)["Rules"][0]["Configuration"].update(Operator="EQUALS"), "EQUALS is none of"),
    "a result of another entry": (lambda p: condition(p).update(Result="ROLLBACK"), "Result 'ROLLBACK' is none of FAIL, SKIP"),
    "a failure that is skipped": (
        lambda p: p["Stages"][3].update(OnFailure={"Result": "SKIP"}),
        "Result 'SKIP' is none of RETRY, ROLLBACK",
    ),
    "a variable of nobody": (
        lambda p: configuration(2)(p).update(CustomData="#{Plan.SUMMARY}"),
        "no earlier action has the namespace 'Plan'",
    ),
    "a variable that a buildspec does not export": (
        lambda p: configuration(2)(p).update(CustomData="#{Image.TAG}"),
        "#{Image.TAG}: 'Image' gives DIGEST",
    ),
    "a variable that a source does not give": (
        lambda p: configuration(2)(p).update(CustomData="#{Source.Author}"),
        "'Source' gives AuthorDate",
    ),
    "an output that a template does not have": (
        lambda p: configuration(3, 1)(p).update(ParameterOverrides='{"VpcId":"#{network.Vpc}","Digest":"x"}'),
        "#{network.Vpc}: 'network' gives VpcId",
    ),
    "a variable of an action at the same time": (
        lambda p: p["Stages"][3]["Actions"][1].update(RunOrder=1),
        "no earlier action has the namespace 'network'",
    ),
    "a namespace used twice": (lambda p: p["Stages"][3]["Actions"][1].update(Namespace="network"), "namespace 'network' is used twice"),
    "a template that is not there": (
        lambda p: configuration(3)(p).update(TemplatePath="Source::stacks/rendered/staging/vpc.yaml"),
        "stacks/rendered/staging/vpc.yaml does not exist; run: kotei render",
    ),
    "an artifact of nobody": (
        lambda p: p["Stages"][1]["Actions"][0].update(InputArtifacts=[{"Name": "Built"}]),
        "gives the artifact 'Built'",
    ),
    "a template of another artifact": (
        lambda p: configuration(3)(p).update(TemplatePath="Built::stacks/rendered/staging/network.yaml"),
        "'Built' is not an input artifact",
    ),
    "a parameter too many": (
        lambda p: configuration(3)(p).update(ParameterOverrides='{"Zone":"a"}'),
        "stacks/rendered/staging/network.yaml has no parameter Zone",
    ),
    "a parameter too few": (
        lambda p: configuration(3, 1)(p).update(ParameterOverrides='{"Digest":"x"}'),
        "stacks/rendered/staging/service.yaml needs VpcId",
    ),
    "overrides that are no JSON": (lambda p: configuration(3, 1)(p).update(ParameterOverrides="VpcId=x"), "ParameterOverrides is not JSON"),
    "overrides of more than 1 KB": (
        lambda p: configuration(3, 1)(p).update(ParameterOverrides=json.dumps({"VpcId": "x" * 1024, "Digest": "x"})),
        "AWS takes 1024",
    ),
    "a build of no project": (
        lambda p: configuration(1)(p).update(ProjectName="kotei-built"),
        "'kotei-built' is no project of this template",
    ),
    "a build variable twice": (
        lambda p: configuration(1)(p).update(EnvironmentVariables='[{"name":"A","value":"1"},{"name":"A","value":"2"}]'),
        "names A twice",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_it_is_found(root: Path, name: str) -> None:
    pipeline = deepcopy(PIPELINE)
    change, message = WRONG[name]
    change(pipeline)
    assert message in "\n".join(str(finding) for finding in findings(root, pipeline))


def test_a_buildspec_that_is_not_there_is_found(root: Path) -> None:
    (root / "buildspec/image.yml").unlink()
    assert "buildspec/image.yml does not exist" in "\n".join(str(finding) for finding in findings(root, PIPELINE))
