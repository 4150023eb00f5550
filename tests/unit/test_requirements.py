"""The packages of the builds that hold credentials: a part of what is tested, and enough for what they run."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The offline checks and the engine have their programs from the whole lock; no build that holds credentials runs them.
OF_CHECK_AND_TEST = ("pipeline/local/", "pipeline/checks/", "pipeline/check.py", "pipeline/nginx_check.py")
PIN = re.compile(r"^([a-z0-9._-]+==\S+)[^\n]*\\\n((?:    --hash=\S+[^\n]*\n)+)", re.MULTILINE)


def pins(file: str) -> dict[str, str]:
    found = dict(PIN.findall((ROOT / file).read_text(encoding="utf-8")))
    assert found
    return found


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def test_what_runs_is_what_was_tested() -> None:
    everything = pins("requirements.lock")
    assert {pin: hashes for pin, hashes in pins("requirements-run.lock").items() if everything.get(pin) != hashes} == {}


def test_what_runs_has_what_it_imports() -> None:
    files = [path for package in ("policy", "stacks", "pipeline") for path in sorted((ROOT / package).rglob("*.py"))]
    running = [path for path in files if not path.relative_to(ROOT).as_posix().startswith(OF_CHECK_AND_TEST)]
    distributions = packages_distributions()
    names = {name for path in running for module in imported(path) for name in distributions.get(module, []) if name != "kotei"}
    needed = {name.lower().replace("_", "-") for name in names}
    assert needed
    assert needed <= {pin.partition("==")[0] for pin in pins("requirements-run.lock")}


def test_what_runs_starts_without_the_rest() -> None:
    """Every module of it, in a process that finds no other package."""
    names = {pin.partition("==")[0] for pin in pins("requirements-run.lock")}
    others = {
        module for module, found in packages_distributions().items() if not names & {name.lower().replace("_", "-") for name in found}
    }
    files = [path.relative_to(ROOT) for path in sorted((ROOT / "pipeline").rglob("*.py"))]
    modules = [".".join(path.with_suffix("").parts) for path in files if not path.as_posix().startswith(OF_CHECK_AND_TEST)]
    script = (
        "import importlib, sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {sorted(others - {'pipeline', 'stacks', 'policy'})!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        f"for name in {[name for name in modules if not name.endswith('__main__')]!r}:\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
