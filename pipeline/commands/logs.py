"""What the proxy's log says."""

from __future__ import annotations

import itertools
import json
import time
from dataclasses import asdict
from typing import Annotated, Literal

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DONE, AsJson, EnvironmentName, aws_target, document, tell

app = typer.Typer()
# FilterLogEvents: a handful of calls a second for the whole account.
POLL_SECONDS = 2.0


@app.command(epilog="For example: kotei logs production --status 5xx --since 2h --by client")
def logs(  # noqa: PLR0917 - typer reads arguments and options from one signature
    name: EnvironmentName,
    client: Annotated[str, typer.Option(help="Only of this address or network.", metavar="CIDR")] = "",
    site: Annotated[str, typer.Option(help="Only for this host.", metavar="HOST")] = "",
    status: Annotated[str, typer.Option(help="Only with this status (404), or of this class (5xx).", metavar="STATUS")] = "",
    slow: Annotated[float | None, typer.Option(help="Only what took so long, or longer.", metavar="SECONDS", min=0)] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what the proxy itself refused.")] = False,
    since: Annotated[str, typer.Option(help="How far back: 30s, 15m, 2h, 1d.", metavar="TIME")] = "15m",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as requests come, until Ctrl-C.")] = False,
    by: Annotated[Literal["client", "site", "status"] | None, typer.Option(help="Count instead, by one of these.")] = None,
    as_json: AsJson = False,
) -> int:
    """Show the access log of an environment: one line a request, or a table. Reads only."""
    from pipeline.logs import read
    from pipeline.logs.question import asked, seconds
    from pipeline.prepare import environment, environment_aws

    if follow and by:
        raise typer.BadParameter("--follow shows requests, --by counts them: give one of the two")
    env = environment(configuration(), name)
    question = asked(client=client, site=site, status=status, slow=slow, refused=refused)
    start = int((time.time() - seconds(since)) * 1000)
    aws = environment_aws(env, aws_target())
    if by:
        found = list(itertools.islice(read.lines(aws, env, question, start), read.MOST + 1))
        if len(found) > read.MOST:
            tell(f"the first {read.MOST} requests since {since} ago, not all: ask for less with --since, --client or --site")
        rows = read.table(found[: read.MOST], by)
        print(
            document([asdict(row) for row in rows]) if as_json else "\n".join([read.heading(by), *map(read.row_text, rows)]) + "\n", end=""
        )
        return DONE
    lines = read.follow(aws, env, question, start, lambda: time.sleep(POLL_SECONDS)) if follow else read.lines(aws, env, question, start)
    shown = 0
    for shown, line in enumerate(lines, start=1):  # noqa: B007 - how many there were
        print(json.dumps(line, ensure_ascii=False) if as_json else read.text(line), flush=follow)
    if not shown:
        tell(f"{name}: no such request in the last {since}")
    return DONE
