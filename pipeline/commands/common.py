"""What every command needs: its options, which AWS it talks to, and how it prints. The result goes to stdout, all else to stderr."""

from __future__ import annotations

import json
import sys
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.paths import ROOT

if TYPE_CHECKING:
    from pipeline.aws import Target
    from pipeline.review.model import Review

DONE, REFUSED, OUR_BUG, DIFFERENT, BLOCKED = 0, 1, 3, 4, 5


def environments() -> list[str]:
    """For a shell that completes a line: quick, and silent about a configuration that is broken."""
    try:
        found = tomllib.loads((ROOT / "pipeline/pipeline.toml").read_text(encoding="utf-8"))["environments"]
    except (OSError, ValueError, KeyError):
        return []
    return found if isinstance(found, list) else []


def owner_names() -> list[str]:
    return [*environments(), "shared"]


AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]
Owner = Annotated[
    str, typer.Argument(help="An environment, or `shared` for the pipeline itself.", metavar="ENVIRONMENT", autocompletion=owner_names)
]
EnvironmentName = Annotated[str, typer.Argument(help="An environment.", metavar="ENVIRONMENT", autocompletion=environments)]
Format = Annotated[Literal["text", "line", "markdown", "json", "html"], typer.Option("--format", help="How it is printed.")]
Public = Annotated[bool, typer.Option("--public", help="Without account ids, for readers outside.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit 4 when something would change.")]
ImageDigest = Annotated[str, typer.Option(help="The image, as sha256:... (empty: the one that is deployed).")]
Reason = Annotated[str, typer.Option(help="Kept with the decision.")]


def aws_target() -> Target:
    from pipeline.aws import target

    found = target(ROOT)
    tell(f"talking to {found.name} ({found.why})")
    return found


def report(found: Review, form: str, *, public: bool) -> str:
    from pipeline.report import FORMATS
    from pipeline.report.mask import public as masked

    return FORMATS[form](masked(found) if public else found)


def document(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def tell(text: str) -> None:
    """What is not the result goes to stderr, so that the result can be piped."""
    print(text, file=sys.stderr)
