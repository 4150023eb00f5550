"""The pipeline as a stack like the others: CodePipeline, its builds, its artifacts, and the roles that keep them apart."""

from __future__ import annotations

from troposphere import GetAtt, Output, Parameter, Sub, Template, iam, kms, s3
from troposphere import codepipeline as aws

from pipeline import builds, guard_hook, notifications, review_project
from pipeline.paths import PLANS
from pipeline.stages import SHARED, Links, stages
from pipeline.wiring import stack_arns, steps
from policy import artifacts as artifacts_policy
from policy import delivery, trust
from policy import key as key_policy
from stacks import cloudformation_role, connection, deployroles, private_bucket, registry, roles, supply
from stacks.keep import KEEP
from stacks.project import Project
from stacks.spec import StackSpec

# A stage can be rolled back to an execution of the last year (CodePipeline forgets older ones) only while its source is kept.
ARTIFACT_DAYS = 365


def build(project: Project) -> Template:
    config = project.pipeline
    t = Template(Description=f"{config.project}: the pipeline that deploys every environment, and itself")
    connection_arn = t.add_parameter(Parameter("ConnectionArn", Type="String"))
    key = _key(t, project)
    bucket = _bucket(t, project, key)
    key_arn, objects = GetAtt(key, "Arn"), Sub("${ArtifactBucket.Arn}/*")
    topic = notifications.add(t, project, key.ref())
    plans = Sub(f"${{ArtifactBucket.Arn}}/{PLANS}/*")
    guard_hook.add_bucket(t, project)
    projects = builds.add(t, project, builds.Artifacts(bucket=bucket.ref(), objects=objects, plans=plans, key=key_arn))
    passed = _cloudformation_roles(project)
    role = t.add_resource(
        iam.Role(
            "PipelineRole",
            AssumeRolePolicyDocument=trust.passed("codepipeline.amazonaws.com"),
            Policies=[
                iam.Policy(
                    PolicyName="pipeline",
                    PolicyDocument=delivery.pipeline(
                        connection=connection_arn.ref(),
                        bucket=GetAtt(bucket, "Arn"),
                        objects=objects,
                        key=key_arn,
                        projects=projects,
                        stacks=stack_arns(project),
                        topic=topic.ref(),
                        passed=sorted(role for role in passed.values() if f":{config.account}:" in role),
                        assumed=_delivery_roles(project),
                    ),
                )
            ],
        )
    )
    shared = steps(
        SHARED,
        [(name, project.stack_name(name), template) for name, template in _shared_templates(project, t)],
        {},
    )
    t.add_resource(
        aws.Pipeline(
            "Pipeline",
            Name=config.project,
            PipelineType="V2",
            # One run after the other, none dropped: two runs at once would deploy to the same stacks.
            ExecutionMode="QUEUED",
            # The pipeline's update of itself stops the run; this starts the same commit again.
            RestartExecutionOnUpdate=True,
            RoleArn=GetAtt(role, "Arn"),
            ArtifactStore=aws.ArtifactStore(Type="S3", Location=bucket.ref(), EncryptionKey=aws.EncryptionKey(Type="KMS", Id=key_arn)),
            Stages=stages(project, Links(connection=connection_arn.ref(), topic=topic.ref(), roles=passed), shared),
            Triggers=[_trigger(project)],
        )
    )
    t.add_output(Output("PipelineName", Value=config.project))
    t.add_output(Output("ArtifactBucketName", Value=bucket.ref()))
    return t


def _shared_templates(project: Project, own: Template) -> list[tuple[str, Template]]:
    others = (connection.STACK, registry.STACK, roles.STACK, supply.STACK, review_project.STACK)
    before = [(spec.name, spec.build(project)) for spec in others if spec.wanted(project)]
    after = [(guard_hook.STACK.name, guard_hook.build(project))] if guard_hook.on(project) else []
    return [*before, (STACK.name, own), *after]


def _trigger(project: Project) -> aws.PipelineTriggerDeclaration:
    repository = project.pipeline.repository
    # The first push of a new branch does not start a pipeline that filters by path; the branch named here is there already.
    paths = {"FilePaths": aws.GitFilePathFilterCriteria(Excludes=list(repository.ignore_paths))} if repository.ignore_paths else {}
    push = aws.GitPushFilter(Branches=aws.GitBranchFilterCriteria(Includes=[repository.branch]), **paths)
    return aws.PipelineTriggerDeclaration(
        ProviderType="CodeStarSourceConnection", GitConfiguration=aws.GitConfiguration(SourceActionName="Source", Push=[push])
    )


def _key(t: Template, project: Project) -> kms.Key:
    config = project.pipeline
    document = key_policy.artifacts(account=config.account, readers=_delivery_roles(project))
    return t.add_resource(
        kms.Key(
            "ArtifactKey",
            Description=f"{config.project}: pipeline artifacts and messages",
            EnableKeyRotation=True,
            KeyPolicy=document,
            **KEEP,
        )
    )


def _bucket(t: Template, project: Project, key: kms.Key) -> s3.Bucket:
    encryption = s3.ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=GetAtt(key, "Arn"))
    expire = s3.LifecycleRule(
        Status="Enabled",
        ExpirationInDays=ARTIFACT_DAYS,
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=1),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
    )
    bucket = t.add_resource(
        s3.Bucket(
            "ArtifactBucket",
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    # One data key for the bucket instead of one call to KMS for each object.
                    s3.ServerSideEncryptionRule(ServerSideEncryptionByDefault=encryption, BucketKeyEnabled=True)
                ]
            ),
            LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[expire]),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
            **private_bucket.properties(),
            **KEEP,
        )
    )
    document = artifacts_policy.bucket(
        bucket=GetAtt(bucket, "Arn"), objects=Sub("${ArtifactBucket.Arn}/*"), readers=_delivery_roles(project)
    )
    t.add_resource(s3.BucketPolicy("ArtifactBucketPolicy", Bucket=bucket.ref(), PolicyDocument=document))
    return bucket


def _cloudformation_roles(project: Project) -> dict[str, str]:
    return {SHARED: roles.shared_arn(project), **{env.name: cloudformation_role.arn(env) for env in project.environments}}


def _delivery_roles(project: Project) -> list[str]:
    """CodePipeline also fetches the templates as the delivery role of the other account; CloudFormation's role there fetches nothing."""
    return [deployroles.delivery_role(project.pipeline.project, other.account) for other in deployroles.accounts(project)]


STACK = StackSpec(name="pipeline", build=build)
