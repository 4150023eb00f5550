"""Builds: their documents, and running one from its source archives to its artifacts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.local.codebuild import buildspec as buildspecs
from pipeline.local.codebuild import environment, logs, outputs, process, script
from pipeline.local.codepipeline import artifacts, records
from pipeline.local.iam import sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World

PROJECT = "project"
BUILD = "build"
FOLDERS_KEPT = 20
DEFAULT_TIMEOUT_MINUTES = 60
LOG_TAIL = 12
Clone = Callable[[Path], None]


@dataclass(frozen=True, kw_only=True)
class Finished:
    document: records.Document
    exported: Mapping[str, str] = field(default_factory=dict)
    artifacts: Mapping[str, bytes] = field(default_factory=dict)


def create(
    world: World,
    project: records.Document,
    *,
    initiator: str,
    overrides: Sequence[Mapping[str, str]] = (),
    source_version: str = "",
    commit: str = "",
) -> records.Document:
    """A queued build. `overrides` replace the project's environment variables of the same name; `commit` is what the version stands for."""
    with world.changed:
        number = 1 + sum(1 for build in world.store.all(BUILD) if build["projectName"] == project["name"])
        uid = records.new_id()
        build_id = f"{project['name']}:{uid}"
        own = project["environment"]
        merged = {variable["name"]: variable for variable in [*own.get("environmentVariables", []), *overrides]}
        account, region = project["arn"].split(":")[4], project["arn"].split(":")[3]
        group = project.get("logsConfig", {}).get("cloudWatchLogs", {}).get("groupName") or f"/aws/codebuild/{project['name']}"
        document: records.Document = {
            "id": build_id,
            "arn": f"arn:aws:codebuild:{region}:{account}:build/{build_id}",
            "buildNumber": number,
            "startTime": records.now(world),
            "currentPhase": "QUEUED",
            "buildStatus": "IN_PROGRESS",
            "sourceVersion": source_version,
            "resolvedSourceVersion": commit or source_version,
            "projectName": project["name"],
            "phases": [_phase(world, "SUBMITTED", "SUCCEEDED"), _phase(world, "QUEUED", "SUCCEEDED")],
            "source": project["source"],
            "environment": {**own, "environmentVariables": list(merged.values())},
            "serviceRole": project.get("serviceRole", ""),
            "logs": {"groupName": group, "streamName": uid, "deepLink": (world.home / "builds" / uid / "log").as_uri()},
            "timeoutInMinutes": project.get("timeoutInMinutes", DEFAULT_TIMEOUT_MINUTES),
            "buildComplete": False,
            "initiator": initiator,
            "exportedEnvironmentVariables": [],
        }
        records.put(world, BUILD, build_id, document)
    return document


def _phase(world: World, name: str, status: str = "", message: str = "") -> dict[str, Any]:
    phase: dict[str, Any] = {"phaseType": name, "startTime": records.now(world)}
    if status:
        phase |= {"endTime": records.now(world), "phaseStatus": status, "durationInSeconds": 0, "contexts": [{"message": message}]}
    return phase


def folder(world: World, build_id: str) -> Path:
    return world.home / "builds" / build_id.rpartition(":")[2]


def log_tail(world: World, build_id: str) -> list[str]:
    log = folder(world, build_id) / "log"
    return log.read_text(errors="replace").splitlines()[-LOG_TAIL:] if log.exists() else []


def why(document: Mapping[str, Any]) -> str:
    """The first phase that failed, and with what."""
    for phase in document["phases"]:
        if phase.get("phaseStatus") not in (None, "SUCCEEDED"):
            message = phase["contexts"][0]["message"] if phase.get("contexts") else ""
            return f"{document['id']}: {phase['phaseType']}: {message or phase['phaseStatus']}"
    return f"{document['id']}: {document['buildStatus']}"


class BuildFailedError(Exception):
    """Ends the build in the phase."""

    def __init__(self, phase: str, message: str, status: str = "FAILED") -> None:
        super().__init__(message)
        self.phase = phase
        self.status = status


def run(
    world: World,
    project: Mapping[str, Any],
    build_id: str,
    inputs: Mapping[str, bytes],
    *,
    outputs: Sequence[str] = (),
    clone: Clone | None = None,
    interrupted: Callable[[], bool],
) -> Finished:
    """`inputs`: archives by name, the primary one under the empty name, unless `clone` fetches it; `outputs`: names of wanted artifacts."""
    place = folder(world, build_id)
    place.mkdir(parents=True)
    _forget_old(place.parent)
    build = Running(world=world, id=build_id, place=place, interrupted=interrupted)
    role: sessions.Session | None = None
    try:
        role = build.provision(project)
        spec = build.prepare(project, inputs, clone)
        build.phases(spec, role)
        made = build.collect(spec, outputs)
        status = "SUCCEEDED"
    except BuildFailedError as failure:
        build.log(f"{failure.phase}: {failure}")
        build.set_phase(failure.phase, failure.status, str(failure))
        made, status = {}, failure.status
    exported = build.exported()
    document = build.finish(status, exported)
    if role:
        logs.publish(world, document, place / "log", role)
    return Finished(document=document, exported=exported, artifacts=made)


def taken_on(world: World, project: Mapping[str, Any], build_id: str) -> sessions.Session:
    """CodeBuild as the project's role, on behalf of the project (CodeBuild user guide, confused deputy)."""
    source = {"aws:sourcearn": project["arn"], "aws:sourceaccount": project["arn"].split(":")[4]}
    name = f"AWSCodeBuild-{build_id.rpartition(':')[2]}"
    return sessions.of_service(world, project.get("serviceRole", ""), "codebuild.amazonaws.com", name, source)


def _forget_old(builds: Path) -> None:
    """The log stays; of the folders only the latest do."""
    for old in sorted(builds.iterdir(), key=lambda path: path.stat().st_mtime)[:-FOLDERS_KEPT]:
        for part in ("src", "home", "secondary"):
            shutil.rmtree(old / part, ignore_errors=True)


@dataclass(frozen=True, kw_only=True)
class Running:
    """A build while it runs."""

    world: World
    id: str
    place: Path
    interrupted: Callable[[], bool]

    def log(self, line: str) -> None:
        with (self.place / "log").open("a") as log:
            log.write(f"[Container] {self.world.clock():%Y/%m/%d %H:%M:%S} {line}\n")

    def set_phase(self, name: str, status: str, message: str = "") -> None:
        with records.changing(self.world, BUILD, self.id) as document:
            document["currentPhase"] = name
            open_phase = next((phase for phase in document["phases"] if phase["phaseType"] == name), None)
            if open_phase is None:
                document["phases"].append(_phase(self.world, name, status, message))
            else:
                open_phase.update(_phase(self.world, name, status, message), startTime=open_phase["startTime"])

    def document(self) -> records.Document:
        found = self.world.store.get(BUILD, self.id)
        if found is None:
            raise LookupError(self.id)
        return found

    def stopped(self) -> bool:
        return self.world.closing.is_set() or self.document()["buildStatus"] == "STOPPED" or self.interrupted()

    def provision(self, project: Mapping[str, Any]) -> sessions.Session:
        """The project's role, and the log that it may write."""
        try:
            role = taken_on(self.world, project, self.id)
            logs.begin(self.world, self.document(), role)
        except AwsError as error:
            raise BuildFailedError("PROVISIONING", f"ACCESS_DENIED: {error}") from error
        except ClientError as error:
            raise BuildFailedError("PROVISIONING", f"ACCESS_DENIED: {error.response['Error']['Message']}") from error
        self.set_phase("PROVISIONING", "SUCCEEDED")
        return role

    def prepare(self, project: Mapping[str, Any], inputs: Mapping[str, bytes], clone: Clone | None) -> buildspecs.Buildspec:
        source = self.place / "src"
        source.mkdir()
        for name, archive in inputs.items():
            artifacts.unpack(archive, self.place / "secondary" / name if name else source)
        if clone:
            clone(source)
        _age(source)
        self.set_phase("DOWNLOAD_SOURCE", "SUCCEEDED")
        given = project["source"].get("buildspec") or "buildspec.yml"
        inline = "\n" in given
        if not inline and not (source / given).is_file():
            raise BuildFailedError("DOWNLOAD_SOURCE", f"YAML_FILE_ERROR: {given}: there is no such file in the source")
        try:
            return buildspecs.parse(given if inline else (source / given).read_text())
        except buildspecs.BuildspecError as error:
            raise BuildFailedError("DOWNLOAD_SOURCE", f"{'buildspec' if inline else given}: {error}") from error

    def phases(self, spec: buildspecs.Buildspec, role: sessions.Session) -> None:
        for key in spec.ignored:
            self.log(f"{key}: only recorded by the local engine")
        for language, version in spec.phases.get("install", buildspecs.Phase()).runtimes.items():
            self.log(f"runtime-versions: {language} {version} is not installed here; the engine's own runs")
        try:
            variables = environment.variables(self.world, self.document(), self.place, spec.variables, role)
        except environment.UnsupportedVariableError as error:
            raise BuildFailedError("PROVISIONING", str(error)) from error
        for name in (path.name for path in (self.place / "secondary").glob("*")):
            variables[f"CODEBUILD_SRC_DIR_{name}"] = str(self.place / "secondary" / name)
        self._bash(spec, variables, buildspecs.PHASES, succeeding=True)
        self._follow_events()
        if self._died_in_build():
            # A command of the build phase that calls `exit` takes the shell along; post_build is run whatever became of build.
            self.set_phase("BUILD", "FAILED", self._last_command())
            self._bash(spec, variables, ("post_build",), succeeding=False)
            self._follow_events()
        self._judge()

    def _bash(self, spec: buildspecs.Buildspec, variables: Mapping[str, str], phases: Sequence[str], *, succeeding: bool) -> None:
        driver = script.write(self.place, spec, phases, succeeding=succeeding)
        limit = self.document()["timeoutInMinutes"]
        log = self.place / "log"
        ran = process.run(driver, cwd=self.place / "src", environment=variables, log=log, seconds=limit * 60, watch=self._watch)
        current = self.document()["currentPhase"]
        if ran.ended == "timed out":
            raise BuildFailedError(current, f"Build has timed out after {limit} minutes", "TIMED_OUT")
        if ran.ended == "interrupted":
            raise BuildFailedError(current, "the build was stopped", "STOPPED")

    def _watch(self) -> bool:
        self._follow_events()
        return self.stopped()

    def _events(self) -> list[list[str]]:
        file = self.place / "events"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def _follow_events(self) -> None:
        known = {phase["phaseType"]: phase.get("phaseStatus") for phase in self.document()["phases"]}
        last_command = ""
        for event in self._events():
            if event[0] == "start" and event[1] not in known:
                self.set_phase(event[1], "")
            elif event[0] == "command":
                last_command = event[1]
            elif event[0] == "end" and known.get(event[1]) is None:
                failed = event[2] != "0"
                message = f"COMMAND_EXECUTION_ERROR: {self._command(last_command)}. Reason: exit status {event[2]}" if failed else ""
                self.set_phase(event[1], "FAILED" if failed else "SUCCEEDED", message)

    def _command(self, name: str) -> str:
        file = self.place / f"{name}.sh"
        lines = file.read_text().strip().splitlines() if file.exists() else []
        return f"Error while executing command: {lines[0] if lines else name}"

    def _last_command(self) -> str:
        commands = [event[1] for event in self._events() if event[0] == "command"]
        return f"COMMAND_EXECUTION_ERROR: {self._command(commands[-1])}. Reason: the shell was left" if commands else ""

    def _died_in_build(self) -> bool:
        seen = {(event[0], event[1]) for event in self._events()}
        return ("start", "BUILD") in seen and ("end", "BUILD") not in seen

    def _judge(self) -> None:
        for phase in self.document()["phases"]:
            if phase.get("phaseStatus") == "FAILED":
                raise BuildFailedError(phase["phaseType"], phase["contexts"][0]["message"])
            if "phaseStatus" not in phase:
                raise BuildFailedError(phase["phaseType"], self._last_command())

    def collect(self, spec: buildspecs.Buildspec, wanted: Sequence[str]) -> dict[str, bytes]:
        try:
            made = outputs.collect(self.place / "src", spec, wanted)
        except outputs.NothingFoundError as error:
            raise BuildFailedError("UPLOAD_ARTIFACTS", f"CLIENT_ERROR: {error}") from error
        self.set_phase("UPLOAD_ARTIFACTS", "SUCCEEDED")
        return made

    def exported(self) -> dict[str, str]:
        file = self.place / "values"
        pairs = file.read_bytes().split(b"\0") if file.exists() else []
        return dict(pair.decode(errors="replace").split("=", 1) for pair in pairs if pair)

    def finish(self, status: str, exported: Mapping[str, str]) -> records.Document:
        self.set_phase("FINALIZING", "SUCCEEDED")
        with records.changing(self.world, BUILD, self.id) as document:
            document["phases"].append({"phaseType": "COMPLETED", "startTime": records.now(self.world)})
            document.update(
                buildStatus=status,
                buildComplete=True,
                currentPhase="COMPLETED",
                endTime=records.now(self.world),
                exportedEnvironmentVariables=[{"name": name, "value": value} for name, value in exported.items()],
            )
        return dict(document)


def _age(folder: Path) -> None:
    """Make compares times: the sources must be older than the stamp of the virtualenv, whatever time the commit has."""
    for path in folder.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)
