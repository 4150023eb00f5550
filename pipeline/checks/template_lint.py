"""cfn-lint, in this process, warnings included."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.checks.finding import Finding, Severity

Linter = Callable[[str, str, str], list[Finding]]
CONFIG = Path(".cfnlintrc.yaml")


def fingerprint(root: Path) -> str:
    """Changes whenever a verdict may change."""
    return "\n".join([version("cfn-lint"), (root / CONFIG).read_text(), Path(__file__).read_text()])


def linter(root: Path) -> Linter:
    """Loads the rules once, about a second."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.decode.decode import decode_str
    from cfnlint.runner import Runner

    # Naming the file keeps a .cfnlintrc in somebody's home from deciding what passes here.
    runner = Runner(ConfigMixIn(config_file=str(root / CONFIG)))

    def findings(path: str, text: str, region: str) -> list[Finding]:
        template, errors = decode_str(text)
        if errors:
            return [_finding(path, match) for match in errors]
        runner.config = ConfigMixIn(config_file=str(root / CONFIG), regions=[region])
        return [_finding(path, match) for match in runner.validate_template(template)]

    return findings


def _finding(path: str, match: Any) -> Finding:
    where = ".".join(str(part) for part in getattr(match, "path", None) or [])
    severity: Severity = "error" if match.rule.severity == "error" else "warning"
    return Finding(path=path, where=where or f"line {match.linenumber}", rule=match.rule.id, message=match.message, severity=severity)
