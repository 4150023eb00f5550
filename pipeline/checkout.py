"""The configuration of this checkout, as a command needs it: every problem of it is the command's error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import PipelineError
from pipeline.paths import ROOT

if TYPE_CHECKING:
    from stacks.project import Project


def project() -> Project:
    from stacks.environment import ConfigError
    from stacks.project import load

    try:
        return load(ROOT)
    except ConfigError as error:
        raise PipelineError(str(error)) from error
