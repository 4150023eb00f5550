"""What is live and was not deployed, and what to do about it: put it back, write it into Git, or accept it for a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DIFFERENT, DONE, AsJson, Owner, aws_target, document, environments, owner_names, tell
from pipeline.commands.listing import Listed
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

if TYPE_CHECKING:
    from pipeline.aws import Target
    from pipeline.drift.model import Drift, Found
    from stacks.environment import Environment
    from stacks.project import Project

SHOW = "show"
Resources = Annotated[list[str], typer.Argument(help="Logical ids, or stack/LogicalId.", metavar="RESOURCE...")]


class ShowFirst(Listed):
    """`kotei drift production` is `kotei drift show production`; what is almost a command's name is left to who suggests the right one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else "--help"
        meant = {*self.commands, "--help"}
        if first not in environments() and get_close_matches(first, self.commands, cutoff=0.75):
            meant.add(first)
        found: list[str] = super().parse_args(ctx, args if first in meant else [SHOW, *args])
        return found


app = typer.Typer(
    cls=ShowFirst,
    help="Compare what is live with what was deployed and with Git; put it back, adopt or accept it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(SHOW)
def show(  # noqa: PLR0917 - typer reads arguments and options from one signature
    owners: Annotated[
        list[str], typer.Argument(help="Environments, or `shared`; none with --every.", metavar="ENVIRONMENT", autocompletion=owner_names)
    ] = [],  # noqa: B006 - typer reads the default and never changes it
    every: Annotated[bool, typer.Option("--every", help="`shared` and all environments.")] = False,
    as_json: AsJson = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 4 when something drifted that nobody has accepted, or is not known.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also tell what is left out, and why.")] = False,
    notify: Annotated[str, typer.Option(help="Send what drifted to this SNS topic.", metavar="TOPIC_ARN")] = "",
) -> int:
    """Say what is live and was not deployed, worst first. Changes nothing (CloudFormation notes when it last looked)."""
    from pipeline.drift import notice, report
    from pipeline.prepare import environment, pipeline_aws
    from pipeline.stages import SHARED

    project = configuration()
    if bool(owners) == every:
        raise typer.BadParameter("name an environment or `shared`, or give --every")
    names = [SHARED, *project.pipeline.environments] if every else owners
    for name in names:
        if name != SHARED:
            environment(project, name)
    target = aws_target()
    found = [_found(project, target, names[0])] if len(names) == 1 else list(_each(project, target, names))
    texts = [report.text(one, _region(project, one.owner), everything=everything) for one in found]
    documents = [report.document(one) for one in found]
    print(document(documents if every or len(names) > 1 else documents[0]) if as_json else "\n".join(texts), end="")
    if notify:
        notice.send(pipeline_aws(project, target), notify, found, texts)
    return DIFFERENT if exit_code and any(one.telling for one in found) else DONE


@app.command()
def revert(
    owner: Owner,
    resources: Annotated[
        list[str], typer.Argument(help="What to put back (default: all that nobody has accepted).", metavar="RESOURCE...")
    ] = [],  # noqa: B006 - as above
    yes: Annotated[str, typer.Option(help="Do not ask: the fingerprint of the revert that was looked at.", metavar="FINGERPRINT")] = "",
    anyway: Annotated[str, typer.Option(help="Revert outside of the window, and keep this reason.", metavar="REASON")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make and show the change sets, and delete them again.")] = False,
) -> int:
    """Put back what was deployed, by a change set that is shown first. Asks where the environment asks for approval."""
    from pipeline.apply import owned, refuse_outside_window, refuse_while_deploying
    from pipeline.commands.asking import typed
    from pipeline.commands.happening import shown
    from pipeline.drift import find, ways
    from pipeline.drift import revert as reverting
    from pipeline.prepare import environment, pipeline_aws
    from pipeline.stages import SHARED

    project = configuration()
    env = None if owner == SHARED else environment(project, owner)
    target = aws_target()
    mine = owned(ROOT, project, target, owner)
    mine.aws.refuse_another_account()
    refuse_while_deploying(pipeline_aws(project, target), project, owner)
    if env and not anyway and not dry_run:
        refuse_outside_window(env, datetime.now(UTC))
    found = _found(project, target, owner)
    wanted = reverting.chosen(found, [find.one(found, name) for name in resources])
    for one in () if resources else (other for other in found.open if other not in wanted):
        tell(f"{one.place} stays: {ways.no_revert(one)}")
    made = reverting.prepare(mine, wanted, tell)
    done = False
    try:
        print("\n".join(reverting.lines(made)))
        fingerprint = reverting.fingerprint(made)
        if dry_run or all(one.change_set is None for one in made):
            tell(f"fingerprint of this revert: {fingerprint}")
            return DONE
        if yes and yes != fingerprint:
            raise PipelineError(f"{owner}: this is not the revert with the fingerprint {yes}: its fingerprint is {fingerprint}. Look again")
        # A revert is no plan that anybody has approved, so an environment that asks about risks asks about this.
        if not yes and (env is None or env.approval != "never"):
            typed(owner, " ".join(["kotei drift revert", owner, *resources, "--yes", fingerprint]))
        with shown() as (say, watch):
            done = True
            reverting.perform(mine, made, say, watch)
    finally:
        if not done:
            reverting.drop(mine, made)
    print(f"{owner}: what was deployed is live again; see: kotei drift {owner}")
    return DONE


@app.command()
def adopt(
    owner: Owner,
    resources: Annotated[
        list[str], typer.Argument(help="What to adopt (default: all that nobody has accepted).", metavar="RESOURCE...")
    ] = [],  # noqa: B006 - as above
) -> int:
    """Print the change to the configuration, or to the code of the stack, that makes Git say what is live."""
    from pipeline.drift.adopt import advice
    from pipeline.drift.ways import no_adopt

    project = configuration()
    found = _found(project, aws_target(), owner)
    wanted = _named(found, resources) if resources else found.open
    cannot = {one.place: why for one in wanted if (why := no_adopt(one))}
    if cannot and (resources or len(cannot) == len(wanted)):
        told = "; ".join(f"{place}: {why}" for place, why in cannot.items())
        raise PipelineError(f"cannot be adopted: {told}. What can be done: kotei drift {owner}")
    for one in wanted:
        if one.place in cannot:
            tell(f"{one.place} cannot be adopted: {cannot[one.place]}")
        else:
            print("\n".join(advice(one, _environment(project, owner))))
    tell(f"then: kotei render, git commit, git push. Until that is deployed, kotei drift {owner} goes on telling it")
    return DONE


@app.command()
def accept(
    owner: Owner,
    resources: Resources,
    by: Annotated[str, typer.Option("--owner", help="Who answers for it.")],
    reason: Annotated[str, typer.Option(help="Why it may stay.")],
    expires: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day on which it may.")],
) -> int:
    """Write an exception for this drift, as it is now, into policy/exceptions.toml."""
    from pipeline.drift import accepted
    from pipeline.exception_tables import EXCEPTIONS
    from pipeline.whole_file import write

    if expires.date() < date.today():  # noqa: DTZ011 - an exception expires where it is read
        raise typer.BadParameter(f"{expires.date()} is over already", param_hint="--expires")
    if not by.strip() or not reason.strip():
        raise typer.BadParameter("an exception has an owner and a reason")
    project = configuration()
    drifts = _named(_found(project, aws_target(), owner), resources)
    if known := [f"{one.place} is {one.accepted}" for one in drifts if one.accepted]:
        raise PipelineError(f"{'; '.join(known)}; to change that, edit {EXCEPTIONS}")
    file = ROOT / EXCEPTIONS
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    text = "\n".join(accepted.entry(one, owner=by.strip(), reason=reason.strip(), expires=expires.date()) for one in drifts)
    after = f"{before.rstrip()}\n\n{text}".lstrip()
    accepted.parse(after)
    write(file, after)
    print(text, end="")
    tell(f"{EXCEPTIONS} has it now: commit it")
    return DONE


def _found(project: Project, target: Target, owner: str) -> Found:
    from pipeline.commands.happening import waiting
    from pipeline.drift.find import find

    with waiting(f"{owner}: CloudFormation compares its stacks with what is live") as say:
        return find(ROOT, project, target, owner, say)


def _each(project: Project, target: Target, names: list[str]) -> Iterator[Found]:
    """What is known of one is told, whatever became of another. An environment that is yet to be deployed cannot have drifted."""
    from pipeline.drift.find import NothingThereError
    from pipeline.drift.model import Found

    for owner in names:
        try:
            yield _found(project, target, owner)
        except NothingThereError as nothing:
            tell(f"{nothing}")
        except PipelineError as failed:
            yield Found(owner=owner, unchecked={"every stack": str(failed)})


def _named(found: Found, names: list[str]) -> tuple[Drift, ...]:
    from pipeline.drift import find

    places = {find.one(found, name) for name in names}
    return tuple(drift for drift in found.drifts if drift.place in places)


def _environment(project: Project, owner: str) -> Environment | None:
    return next((env for env in project.environments if env.name == owner), None)


def _region(project: Project, owner: str) -> str:
    env = _environment(project, owner)
    return env.region if env else project.pipeline.region
