"""The one exception that means "expected failure": its message says where, what, and the command that mends it."""

from __future__ import annotations


class PipelineError(Exception):
    """Shown without a traceback; the process exits with `exit_code`."""

    exit_code = 1
