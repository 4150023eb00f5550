"""From nothing to a system that serves, and what the command line says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import System

pytestmark = [pytest.mark.local, pytest.mark.xdist_group("whole")]


def test_up_ends_with_the_addresses_a_request_that_works_and_how_to_approve(system: System) -> None:
    said = system.first.stdout.splitlines()
    addresses = system.addresses()
    assert f"staging: {' '.join(addresses)}" in said
    assert "production waits for a person: kotei approve production   (or: kotei reject production)" in said
    curl = next(line.strip() for line in said if line.strip().startswith("curl ") and "staging" in line)
    answer = system.command("sh", "-c", f"{curl} --silent --show-error --write-out '%{{http_code}}'").stdout
    assert answer.endswith("}\n200")
    assert '"origin":"origin.example.net"' in answer
    assert '"x-forwarded-for":"127.0.113.5"' in answer


def test_a_second_up_changes_nothing(system: System) -> None:
    system.asked()
    before = (
        system.addresses(),
        system.runs(),
        system.stack("kotei-staging-service"),
        system.image(),
        system.client("ecs").list_tasks(cluster="kotei-staging")["taskArns"],
    )
    again = system.run("local", "up")
    assert f"staging: {' '.join(system.addresses())}" in again.stdout.splitlines()
    assert "pushing" not in again.stderr
    assert before == (
        system.addresses(),
        system.runs(),
        system.stack("kotei-staging-service"),
        system.image(),
        system.client("ecs").list_tasks(cluster="kotei-staging")["taskArns"],
    )
    assert system.serves(zone=0)
    assert system.serves(zone=1)
