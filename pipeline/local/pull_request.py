"""A pull request: a push of a branch that no pipeline follows, against the branch that one follows.

Projects whose webhook takes the event are built on a whole clone, as CodeBuild does it at a Git host.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.git import git
from pipeline.local import remote
from pipeline.local.codebuild import builds, checkout, webhook
from pipeline.local.codepipeline import records

if TYPE_CHECKING:
    from pipeline.local.world import World

PULL_REQUEST = "pull-request"
BRANCH = "refs/heads/"
LOOK_SECONDS = 0.2


@dataclass(frozen=True, kw_only=True)
class Started:
    """A build of a pull request, running."""

    title: str
    number: int
    build: str
    thread: threading.Thread


def start(world: World, branch: str, commit: str) -> list[Started | str]:
    """The builds that the push starts, or why a project that wants it is not built; nothing where nobody wants it."""
    found: list[Started | str] = []
    for repository, base in dict.fromkeys(_followed(world)):
        hooked = [project for project in world.store.all(builds.PROJECT) if "webhook" in project and _is_of(project, repository)]
        event = _event(world, base, branch, commit) if hooked else None
        wanted = [project for project in hooked if event and webhook.matches(project["webhook"].get("filterGroups", ()), event)]
        if event and wanted:
            number = _number(world, branch)
            found += [_build(world, project, event, number, commit) for project in wanted]
    return found


def closed(world: World, branch: str) -> None:
    """Its branch is gone; one that is pushed again under the same name is another pull request."""
    if known := _open(world, branch):
        world.store.put(PULL_REQUEST, str(known["number"]), known | {"open": False})


def again(world: World, body: Mapping[str, str]) -> Iterator[str]:
    """For `kotei local pr`: the commit is in the remote already."""
    yield from told(world, start(world, body["branch"], body["commit"]) or [f"no project reviews a pull request of {body['branch']}"])


def told(world: World, started: list[Started | str]) -> Iterator[str]:
    for one in started:
        if isinstance(one, str):
            yield one
        else:
            yield one.title
            yield from _log(world, one)
            yield from _end(world, one)


def _log(world: World, one: Started) -> Iterator[str]:
    """What the commands print, while they print it; what CodeBuild itself says is in the whole log."""
    file, place = builds.folder(world, one.build) / "log", 0
    while True:
        ended = not one.thread.is_alive()
        text = file.read_bytes()[place:] if file.exists() else b""
        whole = text if ended else text[: text.rfind(b"\n") + 1]
        place += len(whole)
        yield from (line for line in whole.decode(errors="replace").splitlines() if not line.startswith("[Container] "))
        if ended:
            return
        one.thread.join(LOOK_SECONDS)


def _end(world: World, one: Started) -> Iterator[str]:
    build = world.store.get(builds.BUILD, one.build) or {}
    if build["buildStatus"] == "SUCCEEDED":
        yield f"pull request {one.number}: {build['projectName']} SUCCEEDED"
        return
    yield f"pull request {one.number}: {build['projectName']} {build['buildStatus']}: {builds.why(build)}"
    yield f"  whole log: {builds.folder(world, one.build) / 'log'}"


def _followed(world: World) -> Iterator[tuple[str, str]]:
    """Repository and branch of every pipeline."""
    for document in world.store.all(records.PIPELINE):
        for action in document["declaration"]["stages"][0]["actions"]:
            if action["actionTypeId"]["provider"] == "CodeStarSourceConnection":
                yield action["configuration"]["FullRepositoryId"], action["configuration"]["BranchName"]


def _is_of(project: Mapping[str, Any], repository: str) -> bool:
    return str(project["source"].get("location", "")).removesuffix(".git").endswith(f"/{repository}")


def _event(world: World, base: str, branch: str, commit: str) -> webhook.Event | None:
    """None where a Git host opens no pull request: nothing new in the branch, or no history in common."""
    left = git(remote.path(world.home), "merge-base", f"{BRANCH}{base}", commit)
    since = left.stdout.decode().strip()
    if left.returncode or since == commit:
        return None
    head = remote.commit(world.home, commit)
    return webhook.Event(
        kind="PULL_REQUEST_UPDATED" if _open(world, branch) else "PULL_REQUEST_CREATED",
        base=f"{BRANCH}{base}",
        head=f"{BRANCH}{branch}",
        message=head.message if head else "",
        files=remote.changed_files(world.home, since, commit),
    )


def _open(world: World, branch: str) -> records.Document | None:
    return next((one for one in world.store.all(PULL_REQUEST) if one["branch"] == branch and one["open"]), None)


def _number(world: World, branch: str) -> int:
    with world.changed:
        known = _open(world, branch)
        if known is None:
            known = {"number": 1 + len(world.store.all(PULL_REQUEST)), "branch": branch, "open": True}
            world.store.put(PULL_REQUEST, str(known["number"]), known)
    return int(known["number"])


def _build(world: World, project: Mapping[str, Any], event: webhook.Event, number: int, commit: str) -> Started | str:
    if refusal := webhook.connection_refusal(world, project["source"]):
        return f"project {project['name']} does not start: {refusal}"
    given = {
        "CODEBUILD_SOURCE_REPO_URL": project["source"]["location"],
        "CODEBUILD_WEBHOOK_BASE_REF": event.base,
        "CODEBUILD_WEBHOOK_EVENT": event.kind,
        "CODEBUILD_WEBHOOK_HEAD_REF": event.head,
        "CODEBUILD_WEBHOOK_TRIGGER": f"pr/{number}",
    }
    build = builds.create(
        world,
        dict(project),
        initiator="local remote",
        overrides=[{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in given.items()],
        source_version=f"pr/{number}",
        commit=commit,
    )
    run = functools.partial(
        builds.run,
        world,
        project,
        build["id"],
        {},
        clone=functools.partial(checkout.clone, world, project["source"], commit),
        interrupted=world.closing.is_set,
    )
    thread = threading.Thread(target=run, name=build["id"], daemon=True)
    thread.start()
    what = event.kind.removeprefix("PULL_REQUEST_").lower()
    branches = f"{event.head.removeprefix(BRANCH)} into {event.base.removeprefix(BRANCH)}"
    title = f"pull request {number} {what}: {branches}, {commit[:10]}; {project['name']} reviews it"
    return Started(title=title, number=number, build=build["id"], thread=thread)
