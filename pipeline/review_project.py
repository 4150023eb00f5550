"""The build that reviews pull requests: CodeBuild fetches them itself, since a pipeline's source is one branch."""

from __future__ import annotations

import re

from troposphere import GetAtt, Parameter, Template, codebuild, iam, logs

from pipeline.builds import LOG_DAYS, project_name
from pipeline.paths import BUILDSPECS
from policy import review as policy
from policy import trust
from stacks.keep import KEEP_ONCE_CREATED
from stacks.project import Project, Repository
from stacks.spec import StackSpec

NAME = "review"
TIMEOUT_MINUTES = 15
# CodeBuild does not start what is over the limit; this bounds what a flood of pull requests can cost.
BUILDS_AT_ONCE = 5
HOSTS = {"GitHub": "github.com", "GitLab": "gitlab.com", "Bitbucket": "bitbucket.org"}
# Who may push to the repository anyway. A pull request of anybody else waits until one of these has read it and says so in a comment.
APPROVERS = {
    "GitHub": ("GITHUB_WRITE", "GITHUB_MAINTAIN", "GITHUB_ADMIN"),
    "GitLab": ("GITLAB_DEVELOPER", "GITLAB_MAINTAINER", "GITLAB_OWNER"),
    "Bitbucket": ("BITBUCKET_WRITE", "BITBUCKET_ADMIN"),
}
EVENTS = ("PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED")
# Only GitHub tells CodeBuild about these (API reference, WebhookFilter).
GITHUB_EVENTS = ("PULL_REQUEST_REOPENED",)


def build(project: Project) -> Template:
    config = project.pipeline
    t = Template(Description=f"{config.project}: the review of pull requests")
    connection = t.add_parameter(Parameter("ConnectionArn", Type="String")).ref()
    name = project_name(project, NAME)
    group = t.add_resource(logs.LogGroup("Logs", LogGroupName=f"/aws/codebuild/{name}", RetentionInDays=LOG_DAYS, **KEEP_ONCE_CREATED))
    arn = f"arn:aws:codebuild:{config.region}:{config.account}:project/{name}"
    document = policy.review(log_group=GetAtt(group, "Arn"), connection=connection)
    role = t.add_resource(
        iam.Role(
            "Role",
            AssumeRolePolicyDocument=trust.service("codebuild.amazonaws.com", account=config.account, source=arn),
            # Inside the role, so that CodeBuild, which tries it when the project is made, never meets it without.
            Policies=[iam.Policy(PolicyName=NAME, PolicyDocument=document)],
        )
    )
    t.add_resource(
        codebuild.Project(
            "Project",
            Name=name,
            ServiceRole=GetAtt(role, "Arn"),
            # troposphere knows Auth of type OAUTH on GitHub only.
            Source=codebuild.Source(
                Type=config.repository.provider.upper(),
                Location=f"https://{HOSTS[config.repository.provider]}/{config.repository.name}.git",
                Auth=codebuild.SourceAuth(Type="CODECONNECTIONS", Resource=connection).no_validation(),
                BuildSpec=f"{BUILDSPECS}/{NAME}.yml",
                # All of the history: the review begins where the pull request left the main branch.
                GitCloneDepth=0,
                ReportBuildStatus=True,
            ).no_validation(),
            Triggers=_triggers(config.repository),
            Artifacts=codebuild.Artifacts(Type="NO_ARTIFACTS"),
            Environment=codebuild.Environment(
                Type="ARM_CONTAINER",
                ComputeType="BUILD_GENERAL1_SMALL",
                Image=config.build_image,
                ImagePullCredentialsType="CODEBUILD",
                PrivilegedMode=False,
            ),
            LogsConfig=codebuild.LogsConfig(CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=group.ref())),
            TimeoutInMinutes=TIMEOUT_MINUTES,
            ConcurrentBuildLimit=BUILDS_AT_ONCE,
        )
    )
    return t


def _triggers(repository: Repository) -> codebuild.ProjectTriggers:
    events = (*EVENTS, *(GITHUB_EVENTS if repository.provider == "GitHub" else ()))
    base = f"^refs/heads/{re.escape(repository.branch)}$"
    filters = [
        codebuild.WebhookFilter(Type="EVENT", Pattern=", ".join(events)),
        codebuild.WebhookFilter(Type="BASE_REF", Pattern=base),
    ]
    return codebuild.ProjectTriggers(
        Webhook=True,
        FilterGroups=[filters],
        # Not only of forks: in this repository too a pull request may be of a program, or of a person who may not push any more.
        # Whoever may push is an approver, so the team waits for nobody (CodeBuild's guide, "Pull request comment approval").
        PullRequestBuildPolicy=codebuild.PullRequestBuildPolicy(
            RequiresCommentApproval="ALL_PULL_REQUESTS", ApproverRoles=list(APPROVERS[repository.provider])
        ),
    )


STACK = StackSpec(name=NAME, build=build, wanted=lambda project: project.pipeline.repository.review_pull_requests)
