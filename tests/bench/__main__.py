"""`make bench`: measures the rendered proxy beside its peers, prints the tables and writes them with pictures and raw numbers."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.paths import ROOT
from tests.bench import programs, report, results
from tests.bench.run import FULL, QUICK, Plan, Tell, run

# What a shell says of a program that Ctrl-C ended.
INTERRUPTED = 130


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="seconds instead of minutes: that the lab works, not how fast anything is")
    arguments.add_argument("--again", action="store_true", help="write the tables and pictures of the last run again")
    arguments.add_argument("--into", type=Path, default=ROOT / "docs" / "bench", help="the folder to write to")
    chosen = arguments.parse_args()
    raw = chosen.into / "results.json"
    chosen.into.mkdir(parents=True, exist_ok=True)
    if not chosen.again:
        plan = QUICK if chosen.quick else FULL
        try:
            with _progress(plan) as tell:
                results.write(run(plan, "make bench" if plan is FULL else "python -m tests.bench --quick", tell), raw)
        except programs.Missing as missing:
            print(missing, file=sys.stderr)  # noqa: T201 # a program for the command line
            return 1
        except KeyboardInterrupt:
            return INTERRUPTED
    found = results.read(raw)
    pictures = _draw(found, chosen.into)
    text = report.markdown(found, pictures)
    (chosen.into / "README.md").write_text(text)
    if found.behaviour:
        (chosen.into / report.BEHAVIOUR).write_text(report.unmet(found))
    print(text)  # noqa: T201 # the tables are the result
    return 0


@contextmanager
def _progress(plan: Plan) -> Iterator[Tell]:
    """On a terminal only."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=plan.steps)

        def tell(what: str) -> None:
            progress.update(task, description=what, advance=1)

        yield tell


def _draw(found: results.Results, folder: Path) -> list[str]:
    if importlib.util.find_spec("matplotlib") is None:
        print("no pictures: matplotlib is not installed (requirements-bench.lock)", file=sys.stderr)  # noqa: T201 # as above
        return []
    from tests.bench import plots  # noqa: PLC0415 # what draws is installed by `make bench` only

    return plots.draw(found, folder)


if __name__ == "__main__":
    sys.exit(main())
