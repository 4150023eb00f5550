"""The pipeline as a stack like the others: CodePipeline, its builds, its artifacts, and the roles that keep them apart."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Output, Parameter, Sub, Template, iam
from troposphere import codepipeline as aws

from pipeline import builds, drift_project, guard_hook, notifications, review_project
from pipeline.paths import PLANS
from pipeline.stages import SHARED, Links, stages
from pipeline.wiring import stack_arns, steps
from policy import delivery, trust
from policy import key as key_policy
from stacks import artifact_store, artifacts, cloudformation_role, connection, deployroles, registry, roles, supply
from stacks.keep import KEEP
from stacks.project import Project
from stacks.spec import StackSpec


def build(project: Project) -> Template:
    config = project.pipeline
    t = Template(Description=f"{config.project}: the pipeline that deploys every environment, and itself")
    connection_arn = t.add_parameter(Parameter("ConnectionArn", Type="String"))
    readers = [
        deployroles.delivery_role(config.project, other.account)
        for other in deployroles.accounts(project)
        if any(env.region == config.region for env in other.environments)
    ]
    key = artifact_store.add_key(
        t,
        description=f"{config.project}: pipeline artifacts and messages",
        document=key_policy.artifacts_and_messages(account=config.account, readers=readers),
        keep=KEEP,
    )
    bucket = artifact_store.add_bucket(t, key, readers=readers, keep=KEEP)
    key_arn, objects = GetAtt(key, "Arn"), Sub("${ArtifactBucket.Arn}/*")
    topic = notifications.add(t, project, key.ref())
    plans = Sub(f"${{ArtifactBucket.Arn}}/{PLANS}/*")
    guard_hook.add_bucket(t, project)
    drift_project.add_outputs(t, project, topic=topic.ref(), key=key_arn)
    projects = builds.add(t, project, builds.Artifacts(bucket=bucket.ref(), objects=objects, plans=plans, key=key_arn))
    passed = _cloudformation_roles(project)
    elsewhere = artifacts.regions(project)
    role = t.add_resource(
        iam.Role(
            "PipelineRole",
            RoleName=deployroles.role_of_pipeline(project, "pipeline"),
            AssumeRolePolicyDocument=trust.passed("codepipeline.amazonaws.com"),
            Policies=[
                iam.Policy(
                    PolicyName="pipeline",
                    PolicyDocument=delivery.pipeline(
                        connection=connection_arn.ref(),
                        buckets=[GetAtt(bucket, "Arn"), *(f"arn:aws:s3:::{other.bucket}" for other in elsewhere)],
                        objects=[objects, *(f"arn:aws:s3:::{other.bucket}/*" for other in elsewhere)],
                        key=key_arn,
                        keys_elsewhere=[f"arn:aws:kms:{other.region}:{config.account}:key/*" for other in elsewhere],
                        alias=artifacts.alias(project),
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
            **_stores(project, _store(bucket.ref(), key_arn)),
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
    after = [(spec.name, spec.build(project)) for spec in (drift_project.STACK, guard_hook.STACK) if spec.wanted(project)]
    return [*before, (STACK.name, own), *after]


def _trigger(project: Project) -> aws.PipelineTriggerDeclaration:
    repository = project.pipeline.repository
    # The first push of a new branch does not start a pipeline that filters by path; the branch named here is there already.
    paths = {"FilePaths": aws.GitFilePathFilterCriteria(Excludes=list(repository.ignore_paths))} if repository.ignore_paths else {}
    push = aws.GitPushFilter(Branches=aws.GitBranchFilterCriteria(Includes=[repository.branch]), **paths)
    return aws.PipelineTriggerDeclaration(
        ProviderType="CodeStarSourceConnection", GitConfiguration=aws.GitConfiguration(SourceActionName="Source", Push=[push])
    )


def _stores(project: Project, own: aws.ArtifactStore) -> dict[str, Any]:
    """CodePipeline takes either one store or, with actions in other regions, one for each region and its own."""
    others = artifacts.regions(project)
    if not others:
        return {"ArtifactStore": own}
    found = [(project.pipeline.region, own), *((other.region, _store(other.bucket, other.key)) for other in others)]
    return {"ArtifactStores": [aws.ArtifactStoreMap(Region=region, ArtifactStore=store) for region, store in found]}


def _store(bucket: Any, key: Any) -> aws.ArtifactStore:
    return aws.ArtifactStore(Type="S3", Location=bucket, EncryptionKey=aws.EncryptionKey(Type="KMS", Id=key))


def _cloudformation_roles(project: Project) -> dict[str, str]:
    return {SHARED: roles.shared_arn(project), **{env.name: cloudformation_role.arn(env) for env in project.environments}}


def _delivery_roles(project: Project) -> list[str]:
    """CodePipeline also fetches the templates as the delivery role of the other account; CloudFormation's role there fetches nothing."""
    return [deployroles.delivery_role(project.pipeline.project, other.account) for other in deployroles.accounts(project)]


STACK = StackSpec(name="pipeline", build=build)
