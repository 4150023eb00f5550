"""The most that any role of an environment may ever do, whatever a template gives it: a permissions boundary.

It is what the environment's roles do, said by the same functions, on everything of the environment that their kind reaches. So a change of
the configuration needs no other boundary, and nothing else is within it.
"""

from __future__ import annotations

from collections.abc import Sequence

from awacs import ec2
from awacs.aws import Action, Deny, PolicyDocument, Statement

from policy import flow_logs, service, task
from policy.statement import document

# An explicit denial also holds where a resource's own policy allows everybody: what a boundary only leaves out does not bound that (IAM
# user guide, reference_policies_evaluation-logic_policy-eval-denyallow, IAM role).
NEVER = Statement(
    Sid="Never",
    Effect=Deny,
    Action=[
        Action("account", "*"),
        Action("billing", "*"),
        ec2.DisassociateAddress,
        ec2.EnableAddressTransfer,
        ec2.ReleaseAddress,
        Action("iam", "*"),
        Action("organizations", "*"),
        Action("sts", "AssumeRole"),
    ],
    Resource=["*"],
)


def environment(
    *, account: str, region: str, project: str, name: str, repositories: Sequence[str], secrets: Sequence[str]
) -> PolicyDocument:
    """`secrets` are those that the configuration names; of the environment's own place all may be read."""
    where = f"{region}:{account}"
    logs = f"arn:aws:logs:{where}:log-group:/{project}/{name}/*"
    own = f"arn:aws:secretsmanager:{where}:secret:"
    elsewhere = [one for one in secrets if not one.startswith(own)]
    roles = (
        task.execution(repositories=repositories, log_group=logs, secrets=[f"{own}*", *elsewhere]),
        flow_logs.delivery(log_group=logs),
        # Balancer and target groups are unnamed, so only their kind bounds these.
        service.shift(
            target_groups=[f"arn:aws:elasticloadbalancing:{where}:targetgroup/*"],
            listeners=[f"arn:aws:elasticloadbalancing:{where}:listener/net/*"],
        ),
    )
    return document(*(statement for role in roles for statement in role.properties["Statement"]), NEVER)
