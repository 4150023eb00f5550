"""The house rules, for the hook that enforces them in the account."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DONE, aws_target
from pipeline.paths import ROOT

app = typer.Typer()


@app.command("publish-rules")
def publish_rules(
    bucket: Annotated[str, typer.Argument(help="The bucket that the hook reads: RulesBucketName of the pipeline's stack.")],
) -> int:
    """Put policy/rules/ where the hook of the account reads them. The pipeline does it when it plans."""
    from pipeline import guard_hook
    from pipeline.prepare import pipeline_aws

    print(f"s3://{bucket}/{guard_hook.publish(pipeline_aws(configuration(), aws_target()), ROOT, bucket)}")
    return DONE
