"""The command line. The only place that decides about exit codes."""

from __future__ import annotations

import errno
import sys
import traceback
from collections.abc import Sequence

import typer

from pipeline.commands import change, deliver, drift, examine, generate, image, logs, operate, rollback, rules
from pipeline.commands.common import DONE, OUR_BUG, REFUSED
from pipeline.commands.listing import ListedByGroup
from pipeline.errors import PipelineError
from pipeline.local.cli import app as local_app

# A place where nobody may write, or nothing more fits: no bug of ours.
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def _finish(code: int | None, **_: object) -> None:
    raise typer.Exit(code or DONE)


app = typer.Typer(
    name="kotei",
    cls=ListedByGroup,
    help="A reverse proxy with fixed IP addresses on AWS, run only through Git.",
    no_args_is_help=True,
    # Boxes take a third of a narrow terminal, and loading what draws them half of the time of a --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    result_callback=_finish,
)
for commands in (generate.app, change.app, operate.app, logs.app, examine.app, deliver.app, rollback.app, rules.app):
    app.add_typer(commands)
app.add_typer(image.app, name="image")
app.add_typer(drift.app, name="drift")
app.add_typer(local_app, name="local")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 refused, 2 usage, 3 our bug (with its traceback), 4 differences (with --exit-code), 5 blocked, 130."""
    try:
        app(args=None if argv is None else list(argv), prog_name="kotei")
    except SystemExit as end:
        return int(end.code or DONE)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in UNWRITABLE or not error.filename:
            return _bug()
        print(f"{error.filename}: {error.strerror}; mend that, or work in a checkout of your own", file=sys.stderr)
        return REFUSED
    except Exception:  # noqa: BLE001 - the one place where a bug ends
        return _bug()
    raise AssertionError("typer ends every command with SystemExit")


def _bug() -> int:
    traceback.print_exc()
    print("kotei: this is a bug of kotei itself, not of your input", file=sys.stderr)
    return OUR_BUG
