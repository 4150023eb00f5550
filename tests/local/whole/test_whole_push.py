"""What a person who edits, commits and pushes sees, and what the clients of the proxy see meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local

STAGING = "stacks/environments/staging.toml"
NGINX_TEMPLATE = "docker/nginx/templates/nginx.conf.j2"
# Twenty requests a second; a site of staging allows fifty.
PAUSE = 0.05
NEW_SITE = """
[[sites]]
host = "reports.staging.example.com"
origin = "https://reports.example.net"

[[sites.paths]]
path = "/archive/"
origin = "https://archive.example.net"
"""


@dataclass
class Load:
    """What clients saw."""

    answered: int = 0
    lost: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def note(self, status: int | str) -> None:
        if status == 200:
            self.answered += 1
        else:
            self.lost.append(f"request {self.answered + len(self.lost) + 1}: {status}")


@contextmanager
def clients(system: System) -> Iterator[Load]:
    """Requests without a pause: to each zone, on a new connection each time and on one that is kept."""
    load = Load()
    addresses = system.addresses()
    ways = [(client, address) for client in (_hasty, _steady) for address in addresses]
    # Each comes from an address of its own and is slower than the rate limit of a site.
    threads = [
        threading.Thread(target=client, args=(system, address, f"127.0.113.{number}", load))
        for number, (client, address) in enumerate(ways, 1)
    ]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()


def _hasty(system: System, address: str, source: str, load: Load) -> None:
    while not load.over.wait(PAUSE):
        try:
            load.note(system.get("/", address=address, source=source).status)
        except OSError as error:
            load.note(f"a new connection: {error!r}")


def _steady(system: System, address: str, source: str, load: Load) -> None:
    """Connects again when the server said that it closes, as HTTP wants it; any other end of the connection loses a request."""
    with closing(system.connection(address=address, source=source)) as connection:
        while not load.over.wait(PAUSE):
            try:
                load.note(connection.ask("/").status)
            except OSError as error:
                load.note(f"a kept connection: {error!r}")
                connection.close()


def test_an_edited_site_is_checked_by_the_hook_and_served_on_the_same_addresses_without_a_lost_request(system: System) -> None:
    addresses, before = system.addresses(), system.git("rev-parse", "HEAD")
    with (system.clone / STAGING).open("a", encoding="utf-8") as file:
        file.write(NEW_SITE)
    rendered = "docker/nginx/rendered/staging/nginx.conf"
    refused = system.git("commit", "--all", "--message=Serve the reports", check=False)
    assert f"{rendered} is stale\nrun: kotei render" in refused
    assert system.git("rev-parse", "HEAD") == before, "the hook let a stale commit through"
    assert "reports.staging.example.com" in (system.clone / rendered).read_text(), "the hook did not render"
    system.git("commit", "--all", "--message=Serve the reports")
    with clients(system) as load:
        said = system.push()
        assert system.get("/x", host="reports.staging.example.com").origin["origin"] == "reports.example.net"
        assert system.get("/archive/x", host="reports.staging.example.com", zone=1).origin["origin"] == "archive.example.net"
    for stage in ("Source ▸ Source", "Check ▸ Check", "Image ▸ Image", "Staging-Deploy ▸ service", "Staging-Deploy ▸ Verify"):
        assert f"{stage} … ok" in said
    assert "run: kotei approve production" in said
    assert load.lost == []
    assert load.answered > 100
    assert system.addresses() == addresses


BROKEN = {
    "configuration": (
        STAGING,
        'cidr = "203.0.113.0/28"',
        'cidr = "203.0.113.0/99"',
        False,
        ["staging.toml", "access.allow", "203.0.113.0/99"],
    ),
    "stale": (STAGING, "read_timeout = 60", "read_timeout = 61", False, ["docker/nginx/rendered/staging/nginx.conf", "kotei render"]),
    "nginx": (
        NGINX_TEMPLATE,
        "server_tokens off;",
        "server_tokens perhaps;",
        True,
        ["docker/nginx/rendered/staging/nginx.conf", 'nginx -t: emerg: invalid value "perhaps", line '],
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_commit_that_check_refuses_deploys_nothing_and_says_what_to_do(system: System, name: str) -> None:
    path, old, new, render, sentences = BROKEN[name]
    good, image, tasks = (
        system.git("rev-parse", "HEAD"),
        system.image(),
        system.client("ecs").list_tasks(cluster="kotei-staging")["taskArns"],
    )
    answer = system.get("/files/x").origin
    system.edit(path, old, new)
    bad = system.commit(f"Break the {name}") if render else system.commit_as_it_is(f"Break the {name}")
    try:
        said = system.push()
        assert "Check ▸ Check … FAILED" in said
        told = said[said.index("Check ▸ Check … FAILED") :]
        for sentence in sentences:
            assert sentence in told
        assert "Image ▸" not in said
        run = system.run_of(bad)
        assert run["status"] == "Failed"
        assert {action["stageName"] for action in system.actions(run["pipelineExecutionId"])} == {"Source", "Check"}
        assert system.image() == image
        assert system.client("ecs").list_tasks(cluster="kotei-staging")["taskArns"] == tasks
        assert system.get("/files/x").origin["origin"] == answer["origin"]
    finally:
        system.return_to(good)
    status = system.run("status").stdout
    assert f"{run['pipelineExecutionId'][:8]} Failed" in status
    assert "Check                    Failed" in status


def test_two_quick_pushes_run_one_after_the_other_and_the_second_is_what_serves(system: System) -> None:
    system.nothing_runs()
    system.deny("/first/")
    first = system.commit("Deny /first/")
    pushed = system.start("git", "push", "local", f"{first}:main")
    system.deny("/second/")
    second = system.commit("Deny /second/")
    said = system.push()
    one, _ = pushed.communicate(timeout=240)
    assert pushed.returncode == 0, one
    runs = system.run_of(first)["pipelineExecutionId"], system.run_of(second)["pipelineExecutionId"]
    assert "Staging-Deploy ▸ service … ok" in one
    assert "Staging-Deploy ▸ service … ok" in said
    spans = [_spans(system, run) for run in runs]
    for stage in ("Source", "Check", "Image", "Staging-Plan", "Staging-Deploy"):
        assert spans[0][stage][1] <= spans[1][stage][0], f"both runs were in {stage} at once: {spans}"
    assert [system.get(path).status for path in ("/first/", "/second/")] == [403, 403]
    assert f"commit {second[:8]}" in next(line for line in system.run("status").stdout.splitlines() if line.startswith("  staging"))


def _spans(system: System, run: str) -> dict[str, tuple[object, object]]:
    actions = system.actions(run)
    return {
        stage: (
            min(action["startTime"] for action in actions if action["stageName"] == stage),
            max(action["lastUpdateTime"] for action in actions if action["stageName"] == stage),
        )
        for stage in {action["stageName"] for action in actions}
    }


def test_what_does_not_verify_goes_back_by_itself_and_clients_notice_nothing(system: System) -> None:
    """Every task is healthy and answers, and an alarm goes off: template, image and configuration return together."""
    system.deployed()
    before, addresses = system.image(), system.addresses()
    system.deny("/unverified/")
    # A person's patience; the alarm would stay on for longer than anybody waits.
    system.edit("buildspec/verify.yml", '--execution "$EXECUTION"', '--execution "$EXECUTION" --seconds 1')
    commit = system.commit("Deny /unverified/")
    with clients(system) as load:
        pushed = system.start("git", "push", "local", "HEAD:main")
        system.until(lambda: system.image() != before, "the new image to be deployed", system.shown)
        (alarm,) = (name for name in _alarms(system) if name.startswith("kotei-staging-monitoring-ServerErrors-"))
        cloudwatch = system.client("cloudwatch")
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="too many 5xx")
        said, _ = pushed.communicate(timeout=240)
        rollback = system.until(lambda: _rolled_back(system), "the rollback to end", system.shown)
    failed = system.run_of(commit)
    assert failed["status"] == "Failed"
    assert f"alarm {alarm} is on: too many 5xx" in said
    assert (rollback["status"], rollback["trigger"]["triggerType"]) == ("Succeeded", "AutomatedRollback"), system.actions(
        rollback["pipelineExecutionId"]
    )
    assert [one["actionName"] for one in system.actions(rollback["pipelineExecutionId"])][-2:] == ["monitoring", "Verify"]
    assert (system.image(), system.addresses(), system.get("/unverified/").status) == (before, addresses, 200)
    assert load.lost == []
    assert load.answered > 100
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="as it was")
    system.return_to(f"{commit}~")


def _rolled_back(system: System) -> dict[str, Any] | None:
    """The newest run, once it has taken a stage back."""
    newest = system.runs()[0]
    return newest if newest.get("rollbackMetadata") and newest["status"] != "InProgress" else None


def _alarms(system: System) -> list[str]:
    return [alarm["AlarmName"] for alarm in system.client("cloudwatch").describe_alarms()["MetricAlarms"]]
