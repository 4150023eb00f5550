"""How the help lists commands: each with its whole first sentence, at most by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from typer.core import TyperGroup

if TYPE_CHECKING:
    # The parameters' types of what is overridden here; typer has them nowhere public.
    from typer._click import Context, HelpFormatter

# typer cuts what a line does not hold.
WHOLE = 1000
# The groups, by what somebody is about; a test sees that every command is in one.
GROUPS: Mapping[str, Sequence[str]] = {
    "Every day": ("status", "render", "check", "review", "plan", "approve", "reject", "addresses", "cost"),
    "On duty": ("logs", "doctor", "verify", "drift", "rollback", "release", "open"),
    "Where the pipeline does not reach": ("bootstrap", "apply", "destroy", "protect"),
    "On this computer": ("local",),
    "Mostly for the pipeline itself": ("image", "publish-rules", "schema"),
}


class Listed(TyperGroup):
    def groups(self) -> Mapping[str, Sequence[str]]:
        return {"Commands": tuple(self.commands)}

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:  # noqa: ARG002 - typer gives it
        for title, names in self.groups().items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(WHOLE)) for name in names])


class ListedByGroup(Listed):
    def groups(self) -> Mapping[str, Sequence[str]]:
        return GROUPS
