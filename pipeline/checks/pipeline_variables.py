"""Every `#{Namespace.Variable}` of a rendered pipeline is something that an earlier action gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.checks import buildspecs
from pipeline.checks.action_keys import ACTIONS
from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding
from pipeline.checks.pipeline_actions import PIPELINE

REFERENCE = re.compile(r"#\{([^.}]+)\.([^}]+)\}")
BUILT_IN = frozenset({"PipelineExecutionId"})

Known = dict[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the variables of builds and stacks are declared."""

    root: Path
    templates: Mapping[str, Document]
    buildspecs: Mapping[str, str]


def findings(document: Document, root: Path, templates: Mapping[str, Document]) -> Iterator[Finding]:
    projects = document.resources("AWS::CodeBuild::Project")
    buildspecs = {str(project.get("Name")): str(project.get("Source", {}).get("BuildSpec", "")) for _, project in projects}
    sources = Sources(root=root, templates=templates, buildspecs=buildspecs)
    for logical_id, properties in document.resources(PIPELINE):
        for where, message in _pipeline(properties, sources):
            yield Finding(path=document.path, where=f"{logical_id}.{where}", rule="pipeline-variables", message=message)


def _pipeline(properties: dict[str, Any], sources: Sources) -> Iterator[tuple[str, str]]:
    own = frozenset(variable["Name"] for variable in properties.get("Variables", []))
    known: Known = {"codepipeline": BUILT_IN, "variables": own}
    for stage in properties.get("Stages", []):
        yield from _unknown(stage.get("BeforeEntry", {}), known, f"{stage.get('Name')}.BeforeEntry")
        actions = stage.get("Actions", [])
        for order in sorted({action.get("RunOrder", 1) for action in actions}):
            together = [action for action in actions if action.get("RunOrder", 1) == order]
            for action in together:
                yield from _unknown(action.get("Configuration", {}), known, f"{stage.get('Name')}.{action.get('Name')}")
            for action in together:
                if namespace := action.get("Namespace"):
                    if namespace in known:
                        yield f"{stage.get('Name')}.{action.get('Name')}", f"namespace {namespace!r} is used twice"
                    known[namespace] = _given(action, sources)
        for entry in ("OnSuccess", "OnFailure"):
            yield from _unknown(stage.get(entry, {}), known, f"{stage.get('Name')}.{entry}")


def _unknown(value: Any, known: Known, where: str) -> Iterator[tuple[str, str]]:
    for namespace, variable in sorted(set(_references(value))):
        if namespace not in known:
            yield where, f"#{{{namespace}.{variable}}}: no earlier action has the namespace {namespace!r}"
        elif variable not in known[namespace]:
            given = ", ".join(sorted(known[namespace])) or "no variables"
            yield where, f"#{{{namespace}.{variable}}}: {namespace!r} gives {given}"


def _references(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield from REFERENCE.findall(value)
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _references(inner)


def _given(action: dict[str, Any], sources: Sources) -> frozenset[str]:
    kind = (action.get("ActionTypeId", {}).get("Category"), action.get("ActionTypeId", {}).get("Provider"))
    configuration = action.get("Configuration", {})
    if kind == ("Build", "CodeBuild"):
        return _exported(sources.root / sources.buildspecs.get(str(configuration.get("ProjectName")), ""))
    if kind == ("Deploy", "CloudFormation"):
        template = sources.templates.get(str(configuration.get("TemplatePath", "")).partition("::")[2])
        return frozenset(template.content.get("Outputs", {})) if template else frozenset()
    return (ACTIONS[kind].variables if kind in ACTIONS else None) or frozenset()


def _exported(buildspec: Path) -> frozenset[str]:
    if not buildspec.is_file():
        return frozenset()
    document = buildspecs.read(buildspec)
    # What cannot be read is named by the check of scripts.
    return frozenset() if isinstance(document, str) else frozenset(document.get("env", {}).get("exported-variables", []))
