"""The build that reviews pull requests: CodeBuild fetches them itself, since a pipeline's source is one branch."""

from __future__ import annotations

import re

from troposphere import Parameter, Template, codebuild

from pipeline import own_source
from policy import review as policy
from stacks.project import Project, Repository
from stacks.spec import StackSpec

NAME = "review"
TIMEOUT_MINUTES = 15
# CodeBuild does not start what is over the limit; this bounds what a flood of pull requests can cost.
BUILDS_AT_ONCE = 5
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
    own_source.add(
        t,
        project,
        NAME,
        connection=connection,
        policy=lambda log_group: policy.review(log_group=log_group, connection=connection),
        # All of the history: the review begins where the pull request left the main branch.
        source={"GitCloneDepth": 0, "ReportBuildStatus": True},
        Triggers=_triggers(config.repository),
        TimeoutInMinutes=TIMEOUT_MINUTES,
        ConcurrentBuildLimit=BUILDS_AT_ONCE,
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
