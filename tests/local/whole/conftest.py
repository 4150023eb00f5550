"""Engines of the tests of the whole system, and who their users are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.paths import ROOT
from tests.support.system import System


def ordinary_user() -> tuple[tuple[str, ...], int | None]:
    """How to run a command as nobody in particular. One who is nobody already runs it as it is."""
    if os.geteuid():
        return (), None
    number = "65534"
    # The Python of these tests may lie where only root reads (/root). Reading is therefore allowed; nothing else that root may do is.
    reading = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search")
    prefix = ("setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", *reading, "--no-new-privs")
    tried = subprocess.run([*prefix, sys.executable, "-c", ""], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this root cannot become an ordinary user: {tried.stderr.strip()}")
    return prefix, int(number)


@contextmanager
def cloned(folder: Path, prefix: tuple[str, ...] = (), owner: int | None = None) -> Iterator[System]:
    """A clone of HEAD with the virtual environment of these tests as its own, and the hooks that `make up` installs."""
    clone, home, person = folder / "clone", folder / "engine", folder / "person"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True, env={"PATH": os.environ["PATH"]})
    (clone / ".venv").symlink_to(sys.prefix)
    # .gitignore names a folder, and this is a link.
    (clone / ".git/info/exclude").write_text(".venv\n", encoding="utf-8")
    person.mkdir()
    dropped = ("AWS_", "GIT_", "PYTEST_", "KOTEI_", "PYTHON", "PRE_COMMIT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment |= {
        "HOME": str(person),
        "KOTEI_HOME": str(home),
        # The installed command links to the checkout that these tests are in.
        "PYTHONPATH": str(clone),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{
            f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
        },
    }
    if owner is not None:
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, owner, owner) if not path.is_symlink() else os.lchown(path, owner, owner)
    system = System(clone=clone, home=home, environment=environment, prefix=prefix)
    system.git("checkout", "--quiet", "-B", "main")
    try:
        system.command(str(clone / ".venv/bin/pre-commit"), "install")
        yield system
    finally:
        system.end()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with cloned(tmp_path_factory.mktemp("whole")) as built:
        built.first = built.run("local", "up")
        yield built


@pytest.fixture
def system(running: System) -> System:
    """Shared by all tests of this folder, so each brings it to what it needs; what it leaves must be a system that serves."""
    # What a test that failed has left uncommitted.
    running.git("reset", "--quiet", "--hard")
    running.git("clean", "--quiet", "-d", "--force")
    return running


@pytest.fixture
def new_system(tmp_path: Path) -> Iterator[System]:
    """An engine of its own, with nothing deployed yet."""
    with cloned(tmp_path) as built:
        yield built


@pytest.fixture
def system_of_an_ordinary_user() -> Iterator[System]:
    """A second engine on the same computer, with nothing deployed yet."""
    prefix, owner = ordinary_user()
    # Not in pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="kotei-whole-") as folder, cloned(Path(folder), prefix, owner) as built:
        yield built


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:  # noqa: ARG001 - pytest gives both
    """A failure alone says little when the reason is in the engine."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        report.sections += [(name, value.log()) for name, value in item.funcargs.items() if isinstance(value, System)]
    return report
