"""The whole system as its users have it: a clone of this repository, an empty HOME, the command line, git, and requests to what serves."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.local import translate
from pipeline.local.world import make_client

ACCOUNT = "111122223333"
REGION = "ap-northeast-1"
# The first entry of access.allow is 203.0.113.0/28: one of its clients, and a neighbour that is in no entry.
CLIENT = "127.0.113.5"
HOSTS = {"staging": "api.staging.example.com", "production": "api.example.com"}
DEADLINE = 240.0
LOG_LINES = 40


def wait_until(predicate: Callable[[], Any], what: str, shown: Callable[[], Any] = lambda: "nothing else is known") -> Any:
    """The predicate's first truthy answer."""
    end = time.monotonic() + DEADLINE
    while not (found := predicate()):
        if time.monotonic() > end:
            pytest.fail(f"waited {DEADLINE:.0f} s for {what}; last seen: {shown()}")
        time.sleep(0.05)
    return found


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    text: str

    @property
    def origin(self) -> dict[str, Any]:
        """What the stand-in for the origin says it was asked."""
        found: dict[str, Any] = json.loads(self.text)
        return found


class Connection(http.client.HTTPSConnection):
    """To a fixed address, with the host's name in the handshake."""

    def __init__(self, address: str, host: str, context: ssl.SSLContext, source: str) -> None:
        super().__init__(translate.address(address), translate.port(443), timeout=30, source_address=(source, 0), context=context)
        self.name = host

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self.name)

    def ask(self, uri: str) -> Answer:
        self.request("GET", uri, headers={"Host": self.name})
        answer = self.getresponse()
        return Answer(status=answer.status, text=answer.read().decode())


@dataclass(kw_only=True)
class System:
    """`prefix` is what makes a command run as somebody else; `first` is what the first `kotei local up` said."""

    clone: Path
    home: Path
    environment: dict[str, str]
    prefix: tuple[str, ...] = ()
    first: subprocess.CompletedProcess[str] | None = None
    background: list[subprocess.Popen[str]] = field(default_factory=list)

    until = staticmethod(wait_until)

    # ---- commands

    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, errors=subprocess.PIPE)
        try:
            said, errors = process.communicate(timeout=2 * DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            said, errors = process.communicate()
            pytest.fail(f"{' '.join(arguments)} does not end; so far:\n{said}\n{errors}\n{self.log()}")
        done = subprocess.CompletedProcess(arguments, process.returncode, said, errors)
        if check and done.returncode:
            pytest.fail(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}\n{self.log()}")
        return done

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.command(str(self.clone / ".venv/bin/python"), "-m", "pipeline", *arguments, check=check)

    def git(self, *arguments: str, check: bool = True) -> str:
        done = self.command("git", *arguments, check=check)
        return (done.stdout + done.stderr).strip()

    def start(self, *arguments: str, errors: int = subprocess.STDOUT) -> subprocess.Popen[str]:
        """Goes on in the background; its output is read with communicate()."""
        process = subprocess.Popen(
            [*self.prefix, *arguments], cwd=self.clone, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        self.background.append(process)
        return process

    def log(self) -> str:
        file = self.home / "engine.log"
        lines = file.read_text(errors="replace").splitlines() if file.exists() else ["there is none"]
        return "\n".join(["engine.log:", *lines[-LOG_LINES:]])

    # ---- the checkout

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.clone / path
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} holds {text.count(old)} times: {old}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def deny(self, path: str) -> None:
        """One more path of the first site of staging that is refused: the smallest change that shows in the answers."""
        rule = f'[[sites.paths]]\npath = "{path}"\ndeny = true\n\n'
        site = '[[sites]]\nhost = "stream.staging.example.com"'
        self.edit("stacks/environments/staging.toml", site, rule + site)

    def commit(self, message: str) -> str:
        """Rendered, and past the hooks: they have a test of their own."""
        self.run("render")
        return self.commit_as_it_is(message)

    def commit_as_it_is(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", f"--message={message}")
        return self.git("rev-parse", "HEAD")

    def push(self) -> str:
        return self.git("push", "local", "HEAD:main")

    def return_to(self, commit: str) -> None:
        """The files of an earlier commit as a new one, for the next push."""
        self.git("rm", "-r", "--quiet", ".")
        self.git("checkout", commit, "--", ".")
        self.commit_as_it_is(f"Return to {commit}")

    # ---- AWS

    @property
    def endpoint(self) -> str:
        return (self.home / "endpoint").read_text().strip()

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        return make_client(self.endpoint, service, account, REGION)

    def stack(self, name: str) -> dict[str, Any] | None:
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        return next((stack for stack in stacks if stack["StackName"] == name), None)

    def outputs(self, name: str) -> dict[str, str]:
        stack = self.stack(name)
        assert stack, f"there is no stack {name}"
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}

    def addresses(self, environment: str = "staging") -> list[str]:
        outputs = self.outputs(f"kotei-{environment}-addresses")
        return [outputs["PublicIpA"], outputs["PublicIpC"]]

    def image(self, environment: str = "staging") -> str | None:
        """The digest that is deployed."""
        stack = self.stack(f"kotei-{environment}-service")
        given = {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]} if stack else {}
        return given.get("ImageDigest")

    def runs(self) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self.client("codepipeline").list_pipeline_executions(pipelineName="kotei")[
            "pipelineExecutionSummaries"
        ]
        return found

    def run_of(self, commit: str) -> dict[str, Any]:
        """The newest run of the commit."""
        found = [run for run in self.runs() if commit in [source["revisionId"] for source in run["sourceRevisions"]]]
        assert found, f"no run of {commit}: {self.runs()}"
        return found[0]

    def status(self, execution: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("codepipeline").get_pipeline_execution(pipelineName="kotei", pipelineExecutionId=execution)[
            "pipelineExecution"
        ]
        return found

    def actions(self, execution: str) -> list[dict[str, Any]]:
        """Oldest first."""
        pages = self.client("codepipeline").get_paginator("list_action_executions")
        wanted = {"pipelineName": "kotei", "filter": {"pipelineExecutionId": execution}}
        found = [action for page in pages.paginate(**wanted) for action in page["actionExecutionDetails"]]
        return sorted(found, key=lambda action: action["startTime"])

    def stages(self) -> dict[str, dict[str, Any]]:
        state = self.client("codepipeline").get_pipeline_state(name="kotei")
        return {stage["stageName"]: stage for stage in state["stageStates"]}

    def shown(self) -> str:
        """What a person would look at first."""
        stages = {
            name: f"{stage['latestExecution']['pipelineExecutionId'][:8]} {stage['latestExecution']['status']}"
            for name, stage in self.stages().items()
            if "latestExecution" in stage
        }
        runs = [f"{run['pipelineExecutionId'][:8]} {run['status']} {run.get('statusSummary', '')}" for run in self.runs()[:5]]
        return json.dumps({"runs": runs, "stages": stages}, indent=2)

    def ended(self, execution: str) -> dict[str, Any]:
        def end() -> dict[str, Any] | None:
            found = self.status(execution)
            return found if found["status"] not in ("InProgress", "Stopping") else None

        found: dict[str, Any] = wait_until(end, f"the end of run {execution}", self.shown)
        return found

    def question(self) -> tuple[str, str] | None:
        """Run and token of the approval of production that is waited for."""
        stage = self.stages()["Production-Approve"]
        token = stage["actionStates"][0].get("latestExecution", {}).get("token")
        return (stage["latestExecution"]["pipelineExecutionId"], token) if token else None

    def asked(self) -> str:
        """The newest run, once it waits for the approval of production. Those before it are rejected; if none runs, HEAD is run."""
        if not self.moving():
            self.run("local", "up")
        if not self.moving():
            self.client("codepipeline").start_pipeline_execution(name="kotei")
        newest: str = next(run["pipelineExecutionId"] for run in self.runs() if run["status"] == "InProgress")
        while True:
            execution, token = wait_until(
                self.question, f"run {newest} to ask for an approval", lambda: (self.status(newest), self.stages())
            )
            if execution == newest:
                return newest
            self._reject(token)
            self.ended(execution)

    def moving(self) -> bool:
        return any(run["status"] in ("InProgress", "Stopping") for run in self.runs())

    def deployed(self) -> None:
        """HEAD is what staging runs, and the pipeline stands still: it is through, or waits for a person."""
        self.run("local", "up")
        if self.moving():
            self.asked()

    def nothing_runs(self) -> None:
        if self.moving():
            execution = self.asked()
            self._reject(self.question()[1])
            self.ended(execution)

    def _reject(self, token: str) -> None:
        self.client("codepipeline").put_approval_result(
            pipelineName="kotei",
            stageName="Production-Approve",
            actionName="Approve",
            token=token,
            result={"summary": "a test needs another run", "status": "Rejected"},
        )

    # ---- requests

    def connection(
        self, *, environment: str = "staging", host: str = "", source: str = CLIENT, zone: int = 0, address: str = ""
    ) -> Connection:
        context = ssl.create_default_context(cafile=str(self.home / "ca.pem"))
        return Connection(address or self.addresses(environment)[zone], host or HOSTS[environment], context, source)

    def get(self, uri: str = "/", **where: Any) -> Answer:
        with closing(self.connection(**where)) as connection:
            return connection.ask(uri)

    def serves(self, **where: Any) -> bool:
        answer = self.get("/", **where)
        return answer.status == 200 and answer.origin["origin"] == "origin.example.net"

    # ---- processes

    def processes(self) -> list[str]:
        """Whatever this engine has started: by folder, command and environment."""
        marks = (os.fsencode(self.home) + b"/", f"KOTEI_HOME={self.home}\0".encode())
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdecimal() or int(entry.name) == os.getpid():
                continue
            try:
                cwd = os.fsencode((entry / "cwd").readlink()) + b"/"
                command = (entry / "cmdline").read_bytes()
                text = cwd + command + (entry / "environ").read_bytes()
            except OSError:
                continue
            if any(mark in text for mark in marks):
                found.append(f"{entry.name}: {command.replace(bytes(1), b' ').decode(errors='replace')}")
        return found

    def end(self) -> None:
        for process in self.background:
            if process.stdout and not process.stdout.closed:
                process.kill()
                process.communicate()
        self.run("local", "down")
        # The engine's lock is free a moment before its process has ended.
        wait_until(lambda: not self.processes(), "every process of the engine to end", lambda: "\n".join(self.processes()))
