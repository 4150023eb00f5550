"""What CodePipeline itself may do: read the source, start builds, hand templates to CloudFormation. It never touches a resource."""

from __future__ import annotations

from typing import Any

from awacs import cloudformation, codebuild, codeconnections, codestar_connections, kms, s3, sns, sts
from awacs.aws import Condition, ForAnyValueStringEquals, PolicyDocument

from policy.statement import allow, document, hand_over

# What CodePipeline's CloudFormation action calls to create and update a stack. No DeleteStack: nothing that the pipeline does ends one.
DEPLOY = (
    cloudformation.CreateStack,
    cloudformation.UpdateStack,
    cloudformation.DescribeStacks,
    cloudformation.DescribeStackEvents,
    cloudformation.DescribeStackResources,
    cloudformation.GetTemplate,
    cloudformation.GetTemplateSummary,
    cloudformation.GetStackPolicy,
    cloudformation.SetStackPolicy,
    # The template configurations have tags.
    cloudformation.TagResource,
    cloudformation.UntagResource,
)


ENCRYPT = (kms.Decrypt, kms.DescribeKey, kms.Encrypt, kms.ReEncryptFrom, kms.ReEncryptTo, kms.GenerateDataKey)


def pipeline(
    *,
    connection: Any,
    buckets: list[Any],
    objects: list[Any],
    key: Any,
    keys_elsewhere: list[str],
    alias: str,
    projects: list[Any],
    stacks: list[str],
    topic: Any,
    passed: list[Any],
    assumed: list[str],
) -> PolicyDocument:
    """`passed` are CloudFormation's roles in this account, `assumed` the delivery roles in other accounts.

    `keys_elsewhere` are patterns of keys in other regions; `alias` is what those of the artifacts are called there.
    """
    statements = [
        # AWS checks both names, whichever prefix the ARN has (action reference of CodeStarSourceConnection).
        allow("ReadRepository", [codeconnections.UseConnection, codestar_connections.UseConnection], connection),
        # What AWS's page on the service role lists for the artifact bucket. The source action uploads with an ACL: without
        # PutObjectAcl it fails with "Upload to S3 failed" (aws/aws-cdk#13557).
        allow("FindArtifacts", [s3.GetBucketVersioning, s3.GetBucketAcl, s3.GetBucketLocation], *buckets),
        allow("MoveArtifacts", [s3.GetObject, s3.GetObjectVersion, s3.PutObject, s3.PutObjectAcl], *objects),
        allow("EncryptArtifacts", ENCRYPT, key),
        allow("Build", [codebuild.StartBuild, codebuild.BatchGetBuilds, codebuild.StopBuild], *projects),
        allow("AskForApproval", [sns.Publish], topic),
        allow("DeployStacks", DEPLOY, *stacks),
        hand_over(passed),
    ]
    if keys_elsewhere:
        # AWS makes up a key's id: in the other regions the alias says which one it is.
        ours = Condition(ForAnyValueStringEquals({"kms:ResourceAliases": alias}))
        statements.append(allow("EncryptArtifactsElsewhere", ENCRYPT, *keys_elsewhere, Condition=ours))
    if assumed:
        statements.append(allow("DeployElsewhere", [sts.AssumeRole], *assumed))
    return document(*statements)
