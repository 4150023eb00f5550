"""Every kind of environment that the configuration allows renders to templates without a finding, not only the committed ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pipeline import catalog, render
from pipeline.checks import balancer_attributes, embedded_json, iam_actions, service_models, template_lint, template_rules
from pipeline.checks.documents import Document
from pipeline.checks.template_lint import Linter
from pipeline.checks.template_rules import Validator
from pipeline.paths import GUARD_RULES, ROOT
from stacks import deployroles
from stacks.environment import Environment
from stacks.project import Project


@pytest.fixture(scope="module")
def validate() -> Validator:
    return template_rules.validator(ROOT / GUARD_RULES)


@pytest.fixture(scope="module")
def lint() -> Linter:
    return template_lint.linter(ROOT)


def documents(env: Environment) -> Iterator[Document]:
    for spec in catalog.ENVIRONMENT_STACKS:
        if spec.wanted(env):
            yield document(f"{spec.name}.yaml", render.template_text(spec.build(env), source="x.py"), env.region)


def document(path: str, text: str, region: str) -> Document:
    return Document(path=path, text=text, region=region, content=yaml.safe_load(text))


def findings(one: Document, lint: Linter, validate: Validator) -> list[str]:
    facts = (balancer_attributes, embedded_json, iam_actions, service_models)
    found = [*lint(one.path, one.text, one.region), *validate(one.path, one.text, one.region)]
    return [str(finding) for finding in (*found, *(finding for fact in facts for finding in fact.findings(one)))]


def test_an_environment_of_this_kind_is_clean(env: Environment, lint: Linter, validate: Validator) -> None:
    assert [line for one in documents(env) for line in findings(one, lint, validate)] == []


def test_what_other_accounts_get_is_clean_and_rendered_in_a_folder_of_its_own(project: Project, lint: Linter, validate: Validator) -> None:
    paths = [Path(path) for path in render.files(project) if "/accounts/" in path]
    assert [path.as_posix() for path in paths] == [
        f"stacks/rendered/accounts/444455556666/{deployroles.STACK.name}.{suffix}" for suffix in ("json", "yaml")
    ]
    text = render.files(project)[paths[1].as_posix()]
    assert findings(document("deployroles.yaml", text, "ap-northeast-1"), lint, validate) == []
