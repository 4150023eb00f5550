"""What moto lacks: each gap stated as right behaviour, expected to fail without its mend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.local import gaps

pytestmark = pytest.mark.local

GAPS = [
    function.__name__
    for module in gaps.services()
    for function in vars(module).values()
    if getattr(function, "__module__", "") == module.__name__ and (function.__doc__ or "").startswith("In moto 5.2.5")
]


@pytest.fixture(scope="session")
def bare_moto() -> dict[str, bool]:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    script = Path(__file__).with_name("bare_moto.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, env={**os.environ, **keys})
    answers: dict[str, bool] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.xfail(strict=True, raises=AssertionError, reason="moto 5.2.5; when it passes, moto has mended it: remove the gap")
def test_moto_does_it_by_itself(bare_moto: dict[str, bool], gap: str) -> None:
    assert bare_moto[gap]


def test_every_gap_is_asked_about(bare_moto: dict[str, bool]) -> None:
    assert set(bare_moto) == set(GAPS)
