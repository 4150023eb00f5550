"""The house rules inside the account: CloudFormation asks policy/rules/ before it creates or updates a stack of the project."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Output, Parameter, Sub, Template, cloudformation, iam, s3

from pipeline.checks.template_rules import rule_files
from pipeline.paths import GUARD_RULES, ROOT
from policy import artifacts as bucket_policy
from policy import hooks as policy
from policy import trust
from stacks import private_bucket
from stacks.keep import KEEP
from stacks.project import Project
from stacks.spec import StackSpec

if TYPE_CHECKING:
    from pipeline.aws import Aws

BUCKET = "RulesBucket"
BUCKET_NAME = "RulesBucketName"
OLD_VERSION_DAYS = 30


def on(project: Project) -> bool:
    return project.pipeline.hooks != "off"


def build(project: Project) -> Template:
    config = project.pipeline
    t = Template(Description=f"{config.project}: CloudFormation holds the project's stacks to the rules of {GUARD_RULES}")
    t.add_parameter(Parameter(BUCKET_NAME, Type="String"))
    arn = Sub(f"arn:aws:s3:::${{{BUCKET_NAME}}}")
    hook_arns = f"arn:aws:cloudformation:{config.region}:{config.account}:type/hook/*"
    role = t.add_resource(
        iam.Role(
            "Role",
            AssumeRolePolicyDocument=trust.service(policy.SERVICE, account=config.account, source=hook_arns),
            Policies=[
                iam.Policy(PolicyName="rules", PolicyDocument=policy.reader(bucket=arn, objects=Sub(f"arn:aws:s3:::${{{BUCKET_NAME}}}/*")))
            ],
        )
    )
    t.add_resource(
        cloudformation.GuardHook(
            "HouseRules",
            Alias=f"{config.project.replace('-', '').capitalize()}::House::Rules",
            ExecutionRole=GetAtt(role, "Arn"),
            HookStatus="ENABLED",
            FailureMode=config.hooks.upper(),
            # Named by its content, so that a changed rule is a changed template, which somebody reviews and which can be rolled back.
            RuleLocation=cloudformation.S3Location(Uri=Sub(f"s3://${{{BUCKET_NAME}}}/{archive(ROOT)[0]}")),
            # A rule needs all of its template: which resources are beside a resource, and what its Metadata says. RESOURCE shows neither.
            TargetOperations=["STACK"],
            # Nothing is left to judge in a stack that is deleted, and the rules expect a template.
            TargetFilters=cloudformation.TargetFilters(Actions=["CREATE", "UPDATE"], InvocationPoints=["PRE_PROVISION"]),
            StackFilters=cloudformation.StackFilters(
                FilteringCriteria="ALL",
                # Not its own stack: a hook that cannot read its rules refuses everything, and this is the way out.
                StackNames=cloudformation.StackNames(Include=[f"{config.project}-*"], Exclude=[project.stack_name(STACK.name)]),
            ),
        )
    )
    return t


def add_bucket(t: Template, project: Project) -> None:
    """Where the rules are for the hook. In the pipeline's stack: a hook must find its rules when it is made."""
    if not on(project):
        return
    encryption = s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
    expire = s3.LifecycleRule(
        Status="Enabled",
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=OLD_VERSION_DAYS),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
    )
    bucket = t.add_resource(
        s3.Bucket(
            BUCKET,
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[s3.ServerSideEncryptionRule(ServerSideEncryptionByDefault=encryption)]
            ),
            LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[expire]),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
            **private_bucket.properties(),
            **KEEP,
        )
    )
    document = bucket_policy.bucket(bucket=GetAtt(bucket, "Arn"), objects=objects(), readers=[])
    t.add_resource(s3.BucketPolicy(f"{BUCKET}Policy", Bucket=bucket.ref(), PolicyDocument=document))
    t.add_output(Output(BUCKET_NAME, Value=bucket.ref()))


def objects() -> Any:
    return Sub(f"${{{BUCKET}.Arn}}/*")


def archive(root: Path) -> tuple[str, bytes]:
    """The name and the content of what the hook reads: every file of rules, the same bytes for the same rules."""
    texts = {path.name: path.read_bytes() for path in rule_files(root / GUARD_RULES)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        for name, text in texts.items():
            # ZipInfo is of 1980 if it is not told better, and nothing is compressed: no library's version shows.
            opened.writestr(zipfile.ZipInfo(name), text)
    content = out.getvalue()
    return f"rules-{hashlib.sha256(content).hexdigest()[:16]}.zip", content


def publish(aws: Aws, root: Path, bucket: str) -> str:
    name, content = archive(root)
    aws.call("s3", "put_object", Bucket=bucket, Key=name, Body=content)
    return name


STACK = StackSpec(name="hooks", build=build, wanted=on)
