"""Entry point of `kotei` and of `python -m pipeline`."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    # Loading takes a moment, in which Ctrl-C is as ordinary as later.
    try:
        from pipeline import cli  # noqa: PLC0415 - see above

        return cli.main()
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
