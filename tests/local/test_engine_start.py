"""The engine's folder: who may start in it, what of it is refused, and what is said then."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from pipeline import cli
from pipeline.errors import PipelineError
from pipeline.local import daemon, engine
from pipeline.local.store import Store
from pipeline.local.up import Local
from stacks.project import load

pytestmark = pytest.mark.local
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_memory_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "engine.sqlite").write_bytes(content)
    with pytest.raises(PipelineError, match=r"engine\.sqlite cannot be read or written .*rm -r"):
        Store(tmp_path / "engine.sqlite")


def test_half_a_memory_is_refused_by_the_engine_and_the_command_says_why(tmp_path: Path) -> None:
    (tmp_path / "moto.pickle").touch()
    (tmp_path / engine.LOG).write_text("an earlier engine\n")
    with pytest.raises(PipelineError) as refused:
        engine.start(tmp_path, ROOT, lambda _: None)
    assert "engine.sqlite is missing" in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert "an earlier engine" not in str(refused.value)
    assert not (tmp_path / "engine.sqlite").exists()


def test_the_number_of_a_killed_engine_is_forgotten_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / engine.PID).write_text("1\n")
    (tmp_path / "moto.pickle").touch()
    with pytest.raises(PipelineError):
        engine.start(tmp_path, ROOT, lambda _: None)
    assert not (tmp_path / engine.PID).exists()


def test_a_second_up_waits_for_the_first(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with engine.alone(tmp_path, said.append):
            order.append("second")

    with engine.alone(tmp_path, said.append):
        waits = threading.Thread(target=second)
        waits.start()
        while not said:
            waits.join(0.01)
        order.append("first")
    waits.join()
    assert order == ["first", "second"]
    assert said == ["another `kotei local up` is under way here; waiting for it"]


def test_a_folder_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KOTEI_HOME", str(tmp_path / "file"))
    assert cli.main(["local", "up"]) == 1
    assert "cannot be written (File exists); mend that, or set KOTEI_HOME to another folder" in capsys.readouterr().err


def test_the_engine_ends_when_a_part_of_it_has_died(engine: Any, capfd: pytest.CaptureFixture[str]) -> None:
    def dies() -> None:
        raise OSError(28, "No space left on device")

    part = threading.Thread(target=dies, name="part")
    before, threading.excepthook = threading.excepthook, functools.partial(daemon._end, engine.world)
    part.start()
    part.join()
    threading.excepthook = before
    assert engine.world.closing.is_set()
    assert "the engine ends, because its part failed: [Errno 28] No space left on device" in capfd.readouterr().err


def test_two_starts_at_once_find_one_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = daemon.lock(tmp_path)
    assert held
    answers = iter([None, None, None, "http://127.0.0.1:1"])
    monkeypatch.setattr(engine, "endpoint", lambda _home: next(answers))
    # The moment in which the other engine is not there yet.
    monkeypatch.setattr(engine, "held", lambda _home: False)
    process = engine._spawn(tmp_path, ROOT)
    assert process.wait() == engine.BUSY
    monkeypatch.setattr(engine, "_spawn", lambda *_: process)
    assert engine.start(tmp_path, ROOT, lambda _: None) == "http://127.0.0.1:1"
    held.close()


def test_a_start_while_an_engine_ends_starts_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ending = iter([True, True, False])
    started: list[str] = []
    monkeypatch.setattr(engine, "held", lambda _home: next(ending))
    monkeypatch.setattr(engine, "_spawn", lambda *_: started.append("engine"))
    monkeypatch.setattr(engine, "endpoint", lambda _home: "http://127.0.0.1:1" if started else None)
    assert engine.start(tmp_path, ROOT, lambda _: None) == "http://127.0.0.1:1"


def test_an_engine_without_a_pipeline_is_a_sentence(engine: Any) -> None:
    project = load(ROOT)
    local = Local(home=engine.world.home, root=ROOT, project=project, endpoint=engine.world.endpoint)
    with pytest.raises(PipelineError, match="has no pipeline kotei yet; run: kotei local up"):
        local.runs()


def test_ctrl_c_while_the_program_loads_is_130() -> None:
    # The first thing that loading does is interrupted, as Ctrl-C would.
    code = "import sys; sys.meta_path.insert(0, type('_', (), {'find_spec': lambda *a: (_ for _ in ()).throw(KeyboardInterrupt)})())"
    done = subprocess.run(
        [sys.executable, "-c", f"from pipeline import __main__; {code}; sys.exit(__main__.main())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_no_log_yet_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KOTEI_HOME", str(tmp_path))
    assert cli.main(["local", "logs"]) == 1
    assert "run: kotei local up" in capsys.readouterr().err
