"""AWS's own validator with the house rules of policy/rules/, over one template at a time."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.checks.finding import Finding, Severity

Validator = Callable[[str, str, str], list[Finding]]


def rule_files(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(folder.glob("*.guard")))


def fingerprint(folder: Path) -> str:
    """Changes whenever a verdict may change."""
    texts = (path.read_text() for path in (*rule_files(folder), Path(__file__)))
    return "\n".join([version("cloudformation-validate"), *texts])


def validator(folder: Path) -> Validator:
    """Compiles every rule once. Let go of the result before the program ends: the library frees it with code that is gone by then."""
    from cloudformation_validate import (
        CompositeEngine,
        CompositeEngineConfig,
        PseudoParameterOverrides,
        TemplateContent,
        ValidateConfig,
        file_to_external_rule_source,
    )
    from cloudformation_validate import Severity as Level

    engine = CompositeEngine(CompositeEngineConfig(guard_rules=[file_to_external_rule_source(path) for path in rule_files(folder)]))

    def findings(path: str, text: str, region: str) -> list[Finding]:
        config = ValidateConfig(severity_level=Level.WARN, pseudo_parameter_overrides=PseudoParameterOverrides(region=region))
        report = engine.validate_template(TemplateContent(text, path), config)
        found = [_finding(path, diagnostic) for diagnostic in report.diagnostics]
        if report.status.name != "OK" and not found:
            # A report may stop at a budget; what it did not look at must not pass as clean.
            found.append(Finding(path=path, rule="validator", message=f"the validator did not finish: {report.status.name}"))
        return found

    return findings


def _finding(path: str, diagnostic: Any) -> Finding:
    entity = diagnostic.entity.logical_id if diagnostic.entity else ""
    where = ".".join(part for part in (entity, diagnostic.property_path) if part)
    severity: Severity = "warning" if diagnostic.severity.name == "WARN" else "error"
    mend = diagnostic.suggested_fix or ""
    return Finding(path=path, where=where, rule=diagnostic.rule_id, message=diagnostic.message, severity=severity, mend=mend)
