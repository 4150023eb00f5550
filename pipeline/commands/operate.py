"""What runs, and what it says about itself."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DONE, AsJson, EnvironmentName, ImageDigest, aws_target, document, tell
from pipeline.paths import ROOT

app = typer.Typer()


@app.command()
def status(as_json: AsJson = False) -> int:
    """Say where everything stands: runs of the pipeline, who is waited for, what each environment runs. Reads only."""
    from pipeline import status as statuses
    from pipeline.status_text import text

    now = statuses.read(configuration(), aws_target(), ROOT, datetime.now(UTC))
    print(document(asdict(now)) if as_json else text(now), end="")
    return DONE


@app.command()
def addresses(
    name: EnvironmentName,
    form: Annotated[Literal["text", "json", "csv", "nft", "terraform"], typer.Option("--format", help="How it is printed.")] = "text",
    as_json: AsJson = False,
    pin: Annotated[bool, typer.Option("--pin", help="Write into stacks/pinned what is not there yet; a plan then holds to it.")] = False,
) -> int:
    """Print the fixed addresses that clients allow. Changes nothing in AWS."""
    from pipeline.address_formats import written
    from pipeline.addresses import pin as pinned
    from pipeline.addresses import read
    from pipeline.prepare import environment, environment_aws

    env, target = environment(configuration(), name), aws_target()
    found = read(environment_aws(env, target), env)
    print(written("json" if as_json else form, env.project, name, found), end="")
    if pin:
        path, new = pinned(ROOT, env, found)
        if target.endpoint:
            tell(f"{target.name} is not AWS: {path} now holds addresses that no partner knows; keep it out of the branch that you deploy")
        tell(f"{path} has {', '.join(new)} now; commit it: git add {path}" if new else f"{path} has them all")
    return DONE


@app.command()
def cost(
    names: Annotated[list[str] | None, typer.Argument(help="Environments (default: all).", metavar="ENVIRONMENT")] = None,
    as_json: AsJson = False,
) -> int:
    """Estimate what AWS bills a month for environments without traffic, from their configuration. Reads no AWS."""
    from pipeline import cost as estimate
    from pipeline.prepare import environment

    project = configuration()
    found = {name: estimate.monthly(environment(project, name)) for name in names or project.pipeline.environments}
    print(document(estimate.totals(found)) if as_json else estimate.table(found), end="")
    return DONE


@app.command()
def protect(name: EnvironmentName) -> int:
    """Turn on termination protection of the stacks that hold an environment's addresses. Changes nothing else."""
    from pipeline import protect as protection
    from pipeline.prepare import environment, environment_aws

    env = environment(configuration(), name)
    changed = protection.turn_on(environment_aws(env, aws_target()), env)
    print("\n".join(f"{stack}: termination protection is on" for stack in changed) or f"{name}: every stack was protected already")
    return DONE


@app.command()
def verify(  # noqa: PLR0917 - typer reads arguments and options from one signature
    name: EnvironmentName,
    image_digest: ImageDigest = "",
    seconds: Annotated[int, typer.Option(help="How long it may take until all is well.", min=0)] = 120,
    execution: Annotated[str, typer.Option(help="The run of the pipeline: what alarms said before it began does not count.")] = "",
    probe: Annotated[bool, typer.Option("--probe", help="Then ask through each fixed address, as verify.probe says.")] = False,
    bake: Annotated[bool, typer.Option("--bake", help="Then watch the alarms for verify.bake_minutes.")] = False,
) -> int:
    """Check that an environment runs the image that was approved, on its addresses, healthy in every zone, without an alarm.

    Reads only, but for --probe: it opens the load balancer's security group for this computer while it asks.
    """
    from pipeline import probe as prober
    from pipeline import verify as verifier
    from pipeline.prepare import environment, environment_aws, pipeline_aws
    from stacks.project import environment_file

    project = configuration()
    env, target = environment(project, name), aws_target()
    aws = environment_aws(env, target)
    since = verifier.started(pipeline_aws(project, target), project, env, execution) if execution else None
    verifier.wait(aws, env, image_digest or None, seconds=seconds, since=since, say=tell)
    print(f"{name}: every task runs the approved image, every zone is healthy, no alarm is on")
    if probe and env.verify.probe:
        print("\n".join(prober.ask(aws, env, env.verify.probe, run=execution)))
    elif probe:
        tell(f"{name}: verify.probe is not set in {environment_file(name)}, so no address was probed")
    if bake and env.verify.bake_minutes:
        tell(f"watching the alarms for {env.verify.bake_minutes} minutes")
        verifier.bake(aws, env, env.verify.bake_minutes, since=since)
        print(f"{name}: no alarm for {env.verify.bake_minutes} minutes")
    return DONE
