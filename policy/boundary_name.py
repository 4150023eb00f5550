"""What a permissions boundary is called. Without a library, since a review reads templates by it."""

from __future__ import annotations

# What is called so bounds roles, and no role has it as a policy.
SUFFIX = "-boundary"


def arn(*, account: str, project: str, name: str) -> str:
    """Known before the policy is there; `name` is the environment."""
    return f"arn:aws:iam::{account}:policy/{policy(project, name)}"


def policy(project: str, name: str) -> str:
    """As CloudFormation would begin it: so the role that deploys the stack of roles may make it, and no environment's may."""
    return f"{project}-roles-{name}{SUFFIX}"
