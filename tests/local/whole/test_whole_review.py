"""A branch that is not deployed: pushing it, or `kotei local pr`, shows its review, and nothing that serves changes."""

from __future__ import annotations

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local


def test_a_pushed_branch_is_reviewed_and_deploys_nothing(system: System) -> None:
    good, image, runs = system.git("rev-parse", "HEAD"), system.image(), len(system.runs())
    try:
        system.git("checkout", "--quiet", "-b", "keep-logs-longer")
        system.edit("stacks/environments/staging.toml", "log_days = 14", "log_days = 30")
        commit = system.commit("Keep the logs longer")
        said = system.git("push", "local", "keep-logs-longer")
        assert f"created: keep-logs-longer into main, {commit[:10]}; kotei-review reviews it" in said
        assert "RetentionInDays" in said
        assert "kotei-review SUCCEEDED" in said
        # Work in progress on the branch that is deployed is a pull request too; here, of the same change.
        system.git("checkout", "--quiet", "main")
        system.git("reset", "--quiet", "--hard", commit)
        again = system.run("local", "pr")
        assert "created: work-in-progress into main" in again.stderr
        assert "RetentionInDays" in again.stderr
        repeated = system.run("local", "pr")
        assert "updated: work-in-progress into main" in repeated.stderr
    finally:
        system.git("checkout", "--quiet", "-B", "main", good)
        system.git("branch", "--quiet", "-D", "keep-logs-longer", check=False)
    assert (system.image(), len(system.runs())) == (image, runs)
    groups = system.client("logs").describe_log_groups(logGroupNamePrefix="/kotei/staging/proxy")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [14]


def test_a_pull_request_that_would_lose_an_address_fails_with_the_reason(system: System) -> None:
    good = system.git("rev-parse", "HEAD")
    try:
        system.git("checkout", "--quiet", "-b", "lose-an-address")
        system.edit("stacks/addresses.py", "Eip{", "Lost{")
        system.commit("Rename the addresses")
        refused = system.run("local", "pr", check=False)
        assert refused.returncode == 1
        assert "blocked" in refused.stderr
        assert "exit status 5" in refused.stderr
        assert "kotei-review did not pass" in refused.stderr
    finally:
        system.git("checkout", "--quiet", "-B", "main", good)
        system.git("branch", "--quiet", "-D", "lose-an-address", check=False)
