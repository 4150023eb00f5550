"""The whole configuration: the pipeline's TOML file and every environment, in the order in which they are deployed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from stacks.config_chat import Chat
from stacks.config_drift import DriftCheck
from stacks.config_places import only_another_region_gets_copies, pipelines_region_is_named
from stacks.config_problems import Problem, Rule, judge, kept, line
from stacks.config_supply import Supply
from stacks.config_values import AccountId, Branch, BuildImage, Email, FilePattern, ProjectName, Region, RepositoryName, Several
from stacks.environment import ConfigError, Environment, Model

PIPELINE_FILE = "pipeline/pipeline.toml"
ENVIRONMENTS_FOLDER = "stacks/environments"
# CodePipeline's source action for connections is not offered there (its reference, CodestarConnectionSource).
WITHOUT_CONNECTIONS = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-northeast-3",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "eu-central-2",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "me-south-1",
    }
)


def region_has_connections(region: str) -> Iterator[Problem]:
    if region in WITHOUT_CONNECTIONS:
        yield Problem(("region",), f"'{region}' has no CodePipeline source for Git connections; choose another region")


def environments_are_different(environments: tuple[str, ...]) -> Iterator[Problem]:
    spelled: dict[str, str] = {}
    for index, name in enumerate(environments):
        # `eu-1` and `eu1` are one name where CodePipeline allows no hyphen: Eu1.
        other = spelled.setdefault(name.replace("-", ""), name)
        if name in environments[:index]:
            yield Problem(("environments", index), f"'{name}' is listed twice; remove one")
        elif other != name:
            yield Problem(("environments", index), f"'{name}' and '{other}' differ only by '-'; choose another name for one")
        for longer in environments:
            # What `eu` may do is bound by names that begin with `eu-`, and so do those of `eu-west`.
            if longer.startswith(f"{name}-"):
                why = f"'{longer}' begins with '{name}-', so '{name}' could reach what is its; choose another name for one"
                yield Problem(("environments", index), why)


class Repository(Model):
    """Where the pipeline's source is."""

    provider: Literal["GitHub", "GitLab", "Bitbucket"] = "GitHub"
    """The Git host, as CodeConnections names it."""
    name: RepositoryName
    """owner/repository as the Git host spells it (case matters to CodeConnections)."""
    branch: Branch = "main"
    """A push to this branch is deployed."""
    ignore_paths: Annotated[Several[FilePattern], Field(max_length=8)] = ("**/*.md",)
    """A push that changes nothing but files like these starts no deployment; at most 8 patterns."""
    review_pull_requests: bool = True
    """Whether CodeBuild reviews pull requests; the connection's app must then be allowed to make webhooks in the repository."""


class PipelineConfig(Model):
    """The pipeline, for all environments."""

    project: ProjectName
    """Part of every name in AWS."""
    account: AccountId
    """The AWS account of the pipeline, the image registry and the connection to the Git host, 12 digits."""
    region: Region
    """The AWS region of the pipeline, the image registry and the connection to the Git host."""
    repository: Repository
    """Where the pipeline's source is."""
    # CodePipeline allows 50 stages; an environment takes up to four, the pipeline itself six.
    environments: Annotated[Several[ProjectName], Field(min_length=1, max_length=11)]
    """The names of the environments, in the order of deployment."""
    approvers_email: Email | None = None
    """Where approval requests go."""
    approval_timeout_minutes: Annotated[int, Field(ge=5, le=86_400)] = 10080
    """An approval that nobody gives fails after this time."""
    chat: Chat | None = None
    """The chat channel that hears of approvals, failures, stops and rollbacks of the pipeline."""
    build_image: BuildImage = "aws/codebuild/amazonlinux-aarch64-standard:3.0"
    """The machine image of the builds: one of CodeBuild's own for ARM."""
    scan_fail_severity: Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"] = "CRITICAL"
    """An image with a finding of this severity or worse is not deployed."""
    supply: Supply = Supply()
    """Where the proxy's image comes from, and what proves it."""
    drift: DriftCheck = DriftCheck()
    """Whether a build compares what is live with what was deployed and with Git, and tells the approvers what differs."""
    hooks: Literal["off", "warn", "fail"] = "off"
    """Whether CloudFormation itself holds every stack of the project, in the pipeline's account and region, to the rules of policy/rules/.

    `warn` lets a stack pass that breaks one and says so in its events; `fail` refuses it. When it is turned off, delete the hooks stack."""

    RULES = ((("region",), region_has_connections), (("environments",), environments_are_different))


class Project(Model):
    pipeline: PipelineConfig
    environments: tuple[Environment, ...]

    def stack_name(self, stack: str) -> str:
        """The name of a shared stack in AWS."""
        return f"{self.pipeline.project}-{stack}"

    @property
    def repository_name(self) -> str:
        """The ECR repository that holds the proxy's images."""
        return f"{self.pipeline.project}/proxy"


def load(root: Path, today: date | None = None) -> Project:
    """Raises ConfigError with every problem of every file. `today` decides which permissions have ended."""
    pipeline, problems = _judged(root, PIPELINE_FILE, PipelineConfig, (), {})
    around = {"today": today or date.today(), **{f"pipeline.{key}": value for key, value in pipeline.items()}}  # noqa: DTZ011 a permission ends with the local day
    # Editors leave hidden files beside the one that is edited.
    present = sorted(path.stem for path in (root / ENVIRONMENTS_FOLDER).glob("*.toml") if not path.name.startswith("."))
    environments: dict[str, Mapping[str, Any]] = {}
    for name in present:
        environments[name], found = _judged(root, environment_file(name), Environment, RULES_WITH_PIPELINE, {**around, "file": name})
        problems += found
    listed = pipeline.get("environments")
    if listed is not None:
        problems += (line(PIPELINE_FILE, problem) for problem in _files_are_listed(listed, present))
    problems += _addresses_are_different(environments)
    if problems:
        raise ConfigError(tuple(problems))
    return Project(
        pipeline=PipelineConfig.model_construct(**pipeline),
        environments=tuple(Environment.model_construct(**environments[name]) for name in pipeline["environments"]),
    )


def environment_file(name: str) -> str:
    return f"{ENVIRONMENTS_FOLDER}/{name}.toml"


def _judged(
    root: Path, file: str, model: type[Model], rules: tuple[Rule, ...], around: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The sound keys of a file, and a line for every problem in it. The rules also see what is `around` the file."""
    try:
        data = tomllib.loads((root / file).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        return {}, [f"{file}: cannot be read: {error.strerror}"]
    except UnicodeDecodeError as error:
        return {}, [f"{file}: is not UTF-8 text (byte {error.start}); save it as UTF-8"]
    except RecursionError:
        return {}, [f"{file}: is not TOML that can be read: brackets are nested too deeply"]
    except ValueError as error:  # tomllib.TOMLDecodeError, and Python's own limit on the digits of a number
        return {}, [f"{file}: is not TOML: {error}"]
    sound, problems = judge(model, data, around)
    return sound, [line(file, problem) for problem in (*problems, *kept(rules, {**around, **sound}))]


def _name_is_the_files(name: str, file: str) -> Iterator[Problem]:
    if name != file:
        yield Problem(("name",), f"'{name}' is not the name of this file; write '{file}', or rename the file to {name}.toml")


def _same_project(project: str, wanted: str) -> Iterator[Problem]:
    if project != wanted:
        yield Problem(("project",), f"'{project}' is not the project of {PIPELINE_FILE}, '{wanted}'")


def _same_account(account: str, wanted: str) -> Iterator[Problem]:
    if account != wanted:
        yield Problem(("pipeline_account",), f"'{account}' is not the account of {PIPELINE_FILE}, '{wanted}'")


RULES_WITH_PIPELINE: tuple[Rule, ...] = (
    (("name", "file"), _name_is_the_files),
    (("project", "pipeline.project"), _same_project),
    (("pipeline_account", "pipeline.account"), _same_account),
    (("region", "pipeline_region", "pipeline.region"), pipelines_region_is_named),
    (("region", "replicate_image", "pipeline.region"), only_another_region_gets_copies),
)


def _files_are_listed(listed: tuple[str, ...], present: list[str]) -> Iterator[Problem]:
    for index, name in enumerate(listed):
        if name not in present:
            yield Problem(("environments", index), f"'{name}' has no file; write {environment_file(name)} or remove the name")
    for name in present:
        if name not in listed:
            yield Problem(
                ("environments",), f"does not list {environment_file(name)}; add '{name}' at its place in the order, or remove the file"
            )


def _addresses_are_different(environments: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, sound in environments.items():
        for zone, allocation in sorted(sound["addresses"].adopt.items()) if "addresses" in sound else ():
            owner = first.setdefault(allocation, name)
            if owner != name:
                text = f"'{allocation}' is an address of {environment_file(owner)} already; an address serves one environment"
                yield line(environment_file(name), Problem(("addresses", "adopt", zone), text))
