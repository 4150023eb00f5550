"""A plan for the pipeline: one line for the approval, and variables that a buildspec reads with `.`."""

from __future__ import annotations

import re
import shlex

from pipeline.report.words import headline
from pipeline.review.model import Review

# CodePipeline's CustomData and every other configuration value of an action (API: ActionConfigurationValue).
SUMMARY_LIMIT = 1000


def summary(review: Review) -> str:
    """For CustomData: one line, plain characters, the dangerous first, within AWS's limit."""
    reasons = [finding.text for owner in review.owners for finding in owner.findings if finding.verdict != "safe"]
    stacks = [stack.stack for owner in review.owners for stack in owner.stacks if stack.action != "none"]
    whole = headline(review)
    if reasons:
        whole += ". " + "; ".join(reasons)
    if stacks:
        whole += f". Stacks: {', '.join(stacks)}"
    # The value travels through a shell, JSON and CodePipeline's #{} substitution.
    plain = re.sub(r"[^ -~]|[\"\\#`$]", "", whole)
    return plain if len(plain) <= SUMMARY_LIMIT else plain[: SUMMARY_LIMIT - 4] + " ..."


def exports(review: Review, *, link: str = "") -> str:
    """`link`: where the whole report can be read. CodeBuild hands the variables on."""
    if review.plan is None:
        raise ValueError("only a plan has something to hand on")
    values = {
        "NEEDS_APPROVAL": "true" if review.plan.needs_approval else "false",
        "VERDICT": review.verdict,
        "SUMMARY": summary(review),
        "FINGERPRINT": review.plan.fingerprint,
        "REPORT": link,
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
