"""What the pipeline may do in another account: deliver the stacks of its environments there."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import kms, s3
from awacs.aws import Condition, PolicyDocument, StringEquals, StringLike

from policy.delivery import DEPLOY
from policy.statement import allow, document, hand_over


def delivery(
    *, stacks: Sequence[str], passed: Sequence[str], pipeline_account: str, artifacts: Sequence[str], regions: Sequence[str]
) -> PolicyDocument:
    """`passed` are CloudFormation's roles here, `artifacts` the objects of the pipeline's buckets as patterns."""
    return document(
        allow("DeployStacks", DEPLOY, *stacks),
        hand_over(passed),
        # A bucket's name does not say whose it is; the condition does.
        allow(
            "FetchTemplates",
            [s3.GetObject, s3.GetObjectVersion],
            *artifacts,
            Condition=Condition(StringEquals({"s3:ResourceAccount": pipeline_account})),
        ),
        # The key's id is not known here; the key's own policy names this role, and only S3 may ask on its behalf.
        allow(
            "DecryptTemplates",
            [kms.Decrypt, kms.DescribeKey],
            *(f"arn:aws:kms:{region}:{pipeline_account}:key/*" for region in regions),
            Condition=Condition(StringLike({"kms:ViaService": [f"s3.{region}.amazonaws.com" for region in regions]})),
        ),
    )
