"""A buildspec as one bash script: every phase in the same shell, as CodeBuild does it since version 0.2."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from pipeline.local.codebuild.buildspec import Buildspec, Phase

# Each command is a file that the one shell reads with `.`: so `cd` and `export` last, and an error message names a line.
PRELUDE = r"""
_kotei_event() { printf '%s\n' "$*" >>"$_kotei_events"; }
_kotei_log() { printf '[Container] %s %s\n' "$(date -u '+%Y/%m/%d %H:%M:%S')" "$*"; }
_kotei_leave() {
  local status=$?
  for _kotei_name in $_kotei_exported; do
    local declared
    declared="$(declare -p "$_kotei_name" 2>/dev/null)"
    # Only what the commands have exported is seen from outside of the shell.
    [[ "$declared" =~ ^declare\ -[a-zA-Z]*x ]] && printf '%s=%s\0' "$_kotei_name" "${!_kotei_name}" >>"$_kotei_values"
  done
  exit "$status"
}
trap _kotei_leave EXIT
export CODEBUILD_BUILD_SUCCEEDING
_kotei_status=0
"""


def write(folder: Path, buildspec: Buildspec, phases: Sequence[str], *, succeeding: bool) -> Path:
    """The driver's path. Events go to `events`, exported values to `values`, both in the folder."""
    lines = [
        f"_kotei_events={shlex.quote(str(folder / 'events'))}",
        f"_kotei_values={shlex.quote(str(folder / 'values'))}",
        f"_kotei_exported={shlex.quote(' '.join(buildspec.exported))}",
        f"CODEBUILD_BUILD_SUCCEEDING={int(succeeding)}",
        PRELUDE,
    ]
    for name in phases:
        lines += _phase(folder, name, buildspec.phases.get(name, Phase()))
    driver = folder / f"driver-{phases[0]}.sh"
    driver.write_text("\n".join(lines) + "\n")
    return driver


def _phase(folder: Path, name: str, phase: Phase) -> list[str]:
    title = name.upper()
    lines = [f"_kotei_log Entering phase {title}", f"_kotei_event start {title}", "_kotei_rc=0"]
    for number, command in enumerate(phase.commands):
        event = f"_kotei_event command {name}-{number}"
        lines += ['if [ "$_kotei_rc" -eq 0 ]; then', event, *_command(folder, f"{name}-{number}", command, "_kotei_rc"), "fi"]
    for number, command in enumerate(phase.finally_commands):
        # Their failure fails nothing, so they are no event.
        lines += _command(folder, f"{name}-finally-{number}", command, "_kotei_ignored")
    lines += [
        f"_kotei_event end {title} $_kotei_rc",
        f'if [ "$_kotei_rc" -eq 0 ]; then _kotei_log Phase complete: {title} State: SUCCEEDED',
        f"else _kotei_log Phase complete: {title} State: FAILED; fi",
    ]
    if phase.proceed_on_failure:
        return lines
    # install and pre_build end the build; after build, post_build still runs (CodeBuild, "Build phase transitions").
    leave = ["_kotei_status=1", "CODEBUILD_BUILD_SUCCEEDING=0"] + ([] if name == "build" else ["exit 1"])
    return [*lines, f'if [ "$_kotei_rc" -ne 0 ]; then {"; ".join(leave)}; fi', *(["exit $_kotei_status"] if name == "post_build" else [])]


def _command(folder: Path, name: str, command: str, status: str) -> list[str]:
    file = folder / f"{name}.sh"
    file.write_text(command if command.endswith("\n") else command + "\n")
    shown = command.strip().splitlines()
    first = shlex.quote(shown[0] if shown else "")
    return [
        f"_kotei_log Running command {first}",
        f"{{ . {shlex.quote(str(file))}; }} </dev/null",
        f"{status}=$?",
        f'[ "${status}" -eq 0 ] || _kotei_log Command did not exit successfully {first} exit status "${status}"',
    ]
