"""What the pipeline may do in another account: deliver the stacks of its environments there, and read how they are."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import cloudformation, ecs, elasticloadbalancing, iam, kms, s3
from awacs.aws import Allow, Condition, PolicyDocument, Statement, StringEquals, StringLike

from policy.delivery import DEPLOY
from policy.trust import VERSION


def delivery(
    *, stacks: Sequence[str], passed: Sequence[str], pipeline_account: str, artifacts: str, regions: Sequence[str]
) -> PolicyDocument:
    """`passed` are CloudFormation's roles here, `artifacts` the objects of the pipeline's bucket as a pattern."""
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            Statement(
                Sid="DeployStacks",
                Effect=Allow,
                Action=list(DEPLOY),
                Resource=list(stacks),
            ),
            Statement(
                Sid="HandOver",
                Effect=Allow,
                Action=[iam.PassRole],
                Resource=list(passed),
                Condition=Condition(StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"})),
            ),
            # A bucket's name does not say whose it is; the condition does.
            Statement(
                Sid="FetchTemplates",
                Effect=Allow,
                Action=[s3.GetObject, s3.GetObjectVersion],
                Resource=[artifacts],
                Condition=Condition(StringEquals({"s3:ResourceAccount": pipeline_account})),
            ),
            # The key's id is not known here; the key's own policy names this role, and only S3 may ask on its behalf.
            Statement(
                Sid="DecryptTemplates",
                Effect=Allow,
                Action=[kms.Decrypt, kms.DescribeKey],
                Resource=[f"arn:aws:kms:{region}:{pipeline_account}:key/*" for region in regions],
                Condition=Condition(StringLike({"kms:ViaService": [f"s3.{region}.amazonaws.com" for region in regions]})),
            ),
        ],
    )


def read(*, stacks: Sequence[str], services: Sequence[str], tasks: Sequence[str]) -> PolicyDocument:
    """For the plan, which compares templates, and the verification, which looks at what runs."""
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            Statement(
                Sid="ReadAndProtectStacks",
                Effect=Allow,
                # Termination protection has no property in a template; the verification turns it on.
                Action=[cloudformation.DescribeStacks, cloudformation.GetTemplate, cloudformation.UpdateTerminationProtection],
                Resource=list(stacks),
            ),
            Statement(Sid="ReadServices", Effect=Allow, Action=[ecs.DescribeServices], Resource=list(services)),
            Statement(Sid="ReadTasks", Effect=Allow, Action=[ecs.DescribeTasks], Resource=list(tasks)),
            # ecs:ListTasks knows only container instances as a resource, and ecs:DescribeTaskDefinition and
            # elasticloadbalancing:DescribeTargetHealth know none (Service Authorization Reference).
            Statement(
                Sid="AnyResourceReadHealth",
                Effect=Allow,
                Action=[ecs.ListTasks, ecs.DescribeTaskDefinition, elasticloadbalancing.DescribeTargetHealth],
                Resource=["*"],
            ),
        ],
    )
