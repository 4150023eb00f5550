"""A buildspec, read strictly: what is not understood here is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")


class BuildspecError(Exception):
    """The message names the place in the file."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """`finally_commands` run whether or not the commands succeed."""

    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    proceed_on_failure: bool = False
    runtimes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Output:
    """What of the build's folder becomes an artifact."""

    files: tuple[str, ...]
    base: str = "."
    flat: bool = False


@dataclass(frozen=True, kw_only=True)
class Buildspec:
    variables: Mapping[str, str]
    exported: tuple[str, ...]
    phases: Mapping[str, Phase]
    output: Output | None
    secondary: Mapping[str, Output]
    ignored: tuple[str, ...]


def parse(text: str) -> Buildspec:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"YAML_FILE_ERROR: {error}") from error
    _known("buildspec", document, {"version", "env", "phases", "artifacts", "cache", "reports", "run-as"})
    if str(document.get("version")) != "0.2":
        raise BuildspecError(f"version: {document.get('version')} is not supported by the local engine; 0.2 is")
    environment = _known("env", document.get("env"), {"shell", "variables", "exported-variables", "git-credential-helper"})
    if environment.get("shell", "bash") != "bash":
        raise BuildspecError(f"env.shell: {environment['shell']} is not supported by the local engine; bash is")
    phases = _known("phases", document.get("phases"), set(PHASES))
    if not phases:
        raise BuildspecError("phases: there is none")
    artifacts = document.get("artifacts")
    secondary = (artifacts or {}).get("secondary-artifacts", {})
    return Buildspec(
        variables={name: str(value) for name, value in environment.get("variables", {}).items()},
        exported=tuple(environment.get("exported-variables", ())),
        phases={name: _phase(name, phases[name]) for name in PHASES if name in phases},
        output=_output("artifacts", artifacts) if artifacts and "files" in artifacts else None,
        secondary={name: _output(f"artifacts.secondary-artifacts.{name}", value) for name, value in secondary.items()},
        # They change how fast a build is and what is reported of it, not what it does.
        ignored=tuple(key for key in ("cache", "reports") if key in document),
    )


def _known(where: str, value: Any, keys: set[str]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BuildspecError(f"{where}: is not a mapping")
    unknown = sorted(str(key) for key in set(value) - keys)
    if unknown:
        raise BuildspecError(f"{where}.{unknown[0]}: is not supported by the local engine")
    return value


def _commands(where: str, value: Any) -> tuple[str, ...]:
    commands = [value] if isinstance(value, str) else list(value or ())
    for number, command in enumerate(commands):
        if not isinstance(command, str):
            raise BuildspecError(f"{where}[{number}]: is not a string (a colon followed by a space needs quotes)")
    return tuple(commands)


def _phase(name: str, value: Any) -> Phase:
    where = f"phases.{name}"
    found = _known(where, value, {"commands", "finally", "on-failure", "runtime-versions"})
    on_failure = found.get("on-failure", "ABORT")
    if on_failure not in ("ABORT", "CONTINUE"):
        raise BuildspecError(f"{where}.on-failure: {on_failure} is not supported by the local engine")
    return Phase(
        commands=_commands(f"{where}.commands", found.get("commands")),
        finally_commands=_commands(f"{where}.finally", found.get("finally")),
        proceed_on_failure=on_failure == "CONTINUE",
        runtimes={key: str(version) for key, version in found.get("runtime-versions", {}).items()},
    )


def _output(where: str, value: Any) -> Output:
    found = _known(where, value, {"files", "name", "base-directory", "discard-paths", "secondary-artifacts", "exclude-paths"})
    if "exclude-paths" in found:
        raise BuildspecError(f"{where}.exclude-paths: is not supported by the local engine")
    return Output(
        files=_commands(f"{where}.files", found.get("files")),
        base=found.get("base-directory", "."),
        flat=str(found.get("discard-paths", "no")).lower() in ("yes", "true"),
    )
