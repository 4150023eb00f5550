"""What a rendered pipeline takes from the repository is in the repository: templates, their parameters, buildspecs, artifacts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding
from pipeline.checks.pipeline_actions import PIPELINE

# https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CloudFormation.html
OVERRIDES_BYTES = 1024


def findings(document: Document, root: Path, templates: Mapping[str, Document]) -> Iterator[Finding]:
    for logical_id, project in document.resources("AWS::CodeBuild::Project"):
        spec = project.get("Source", {}).get("BuildSpec")
        if isinstance(spec, str) and "\n" not in spec and not (root / spec).is_file():
            yield _finding(document, f"{logical_id}.Source.BuildSpec", f"{spec} does not exist")
    for logical_id, properties in document.resources(PIPELINE):
        projects = {project.get("Name") for _, project in document.resources("AWS::CodeBuild::Project")}
        artifacts: set[str] = set()
        for stage in properties.get("Stages", []):
            for action in sorted(stage.get("Actions", []), key=lambda action: int(action.get("RunOrder", 1))):
                where = f"{logical_id}.{stage.get('Name')}.{action.get('Name')}"
                for message in _action(action, artifacts, projects, root, templates):
                    yield _finding(document, where, message)
                artifacts |= {artifact["Name"] for artifact in action.get("OutputArtifacts", [])}


def _finding(document: Document, where: str, message: str) -> Finding:
    return Finding(path=document.path, where=where, rule="pipeline-files", message=message)


def _action(
    action: dict[str, Any], artifacts: set[str], projects: set[Any], root: Path, templates: Mapping[str, Document]
) -> Iterator[str]:
    inputs = {artifact["Name"] for artifact in action.get("InputArtifacts", [])}
    for name in sorted(inputs - artifacts):
        yield f"no earlier action gives the artifact {name!r}"
    configuration = action.get("Configuration", {})
    provider = action.get("ActionTypeId", {}).get("Provider")
    if provider == "CloudFormation":
        yield from _stack(configuration, inputs, root, templates)
    if provider == "CodeBuild":
        yield from _build(configuration, projects)


def _build(configuration: dict[str, Any], projects: set[Any]) -> Iterator[str]:
    if (name := configuration.get("ProjectName")) not in projects:
        yield f"ProjectName {name!r} is no project of this template"
    try:
        variables = json.loads(configuration.get("EnvironmentVariables", "[]"))
    except ValueError as error:
        yield f"EnvironmentVariables is not JSON: {error}"
        return
    names = [variable.get("name") for variable in variables]
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        yield f"EnvironmentVariables names {name} twice"


def _stack(configuration: dict[str, Any], inputs: set[str], root: Path, templates: Mapping[str, Document]) -> Iterator[str]:
    for key in ("TemplatePath", "TemplateConfiguration"):
        artifact, _, path = str(configuration.get(key, "")).partition("::")
        if artifact not in inputs:
            yield f"{key}: {artifact!r} is not an input artifact of this action"
        if not path or not (root / path).is_file():
            yield f"{key}: {path} does not exist; run: kotei render"
    template = templates.get(str(configuration.get("TemplatePath", "")).partition("::")[2])
    if template:
        yield from _overrides(configuration.get("ParameterOverrides", "{}"), template)


def _overrides(text: str, template: Document) -> Iterator[str]:
    if len(text.encode()) > OVERRIDES_BYTES:
        yield f"ParameterOverrides has {len(text.encode())} bytes: AWS takes {OVERRIDES_BYTES}"
    try:
        given = json.loads(text).keys()
    except ValueError as error:
        yield f"ParameterOverrides is not JSON: {error}"
        return
    parameters = template.content.get("Parameters", {})
    for name in sorted(given - parameters.keys()):
        yield f"ParameterOverrides: {template.path} has no parameter {name}"
    for name in sorted({name for name, parameter in parameters.items() if "Default" not in parameter} - given):
        yield f"ParameterOverrides: {template.path} needs {name}"
