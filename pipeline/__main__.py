"""Entry point of `kotei` and of `python -m pipeline`."""

from __future__ import annotations

import sys
from io import TextIOWrapper

INTERRUPTED = 130


def main() -> int:
    # Whoever reads the pipe may be gone: that is an error now, which ends silently, and not one that Python tells of at its end.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    # Loading takes a moment, in which Ctrl-C is as ordinary as later.
    try:
        from pipeline import cli  # noqa: PLC0415 - see above

        code = cli.main()
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED and sys.stderr.isatty():
        # Below the ^C.
        sys.stderr.write("\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
