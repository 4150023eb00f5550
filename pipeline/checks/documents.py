"""The rendered templates as they are on disk, since those are what AWS gets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.checks.finding import Finding
from pipeline.paths import RENDERED
from stacks.project import Project


@dataclass(frozen=True, kw_only=True)
class Document:
    path: str
    text: str
    region: str
    content: dict[str, Any]

    def resources(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Logical id and properties of every resource of these types."""
        for logical_id, resource in self.content.get("Resources", {}).items():
            if resource.get("Type") in types:
                yield logical_id, resource.get("Properties", {})


def load(root: Path, project: Project) -> tuple[list[Document], list[Finding]]:
    """Every template that can be read, and one finding for each that cannot."""
    regions = {**{env.name: env.region for env in project.environments}, **{env.region: env.region for env in project.environments}}
    documents, findings = [], []
    for file in sorted((root / RENDERED).rglob("*.yaml")):
        path = file.relative_to(root).as_posix()
        text = file.read_text()
        try:
            content = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError as error:
            findings.append(Finding(path=path, rule="yaml", message=str(error).replace("\n", " "), mend="run: kotei render"))
            continue
        if not isinstance(content, dict):
            findings.append(Finding(path=path, rule="yaml", message="is not a template", mend="run: kotei render"))
            continue
        documents.append(Document(path=path, text=text, region=regions.get(file.parent.name, project.pipeline.region), content=content))
    return documents, findings
