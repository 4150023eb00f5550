"""The login to ECR Public, as the build of the image asks for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.paths import ROOT

pytestmark = pytest.mark.local


@pytest.mark.parametrize(("region", "said"), [("us-east-1", ""), ("eu-west-1", "add --region us-east-1")])
def test_a_build_can_log_in(engine: Any, tmp_path: Path, region: str, said: str) -> None:
    # The key id is how the engine knows the account.
    keys = {"AWS_ACCESS_KEY_ID": engine.world.account, "AWS_SECRET_ACCESS_KEY": "local"}  # pragma: allowlist secret
    ran = subprocess.run(
        [ROOT / ".venv/bin/aws", "ecr-public", "get-login-password", "--region", region],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ENDPOINT_URL": engine.world.endpoint, **keys},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode == 0) == (not said)
    assert said in ran.stderr
    assert bool(ran.stdout) == (not said)
