"""Where the AWS console shows what kotei makes. Pure; the addresses are those of the partition `aws`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pipeline.approval import stage_of
from pipeline.stages import deploy_stage
from stacks.environment import Environment
from stacks.project import Project
from stacks.queries import log_group

# What each is called here without a console.
INSTEAD = {
    "pipeline": "kotei status",
    "approval": "kotei approve {name}, or kotei reject {name}",
    "connection": "kotei doctor {name}",
    "stacks": "kotei plan {name}",
    "service": "kotei status",
    "logs": "kotei logs {name}",
    "dashboard": "kotei logs {name} --by status",
    "loadbalancer": "kotei verify {name}",
    "addresses": "kotei addresses {name}",
}


def links(project: Project, env: Environment) -> Mapping[str, str]:
    """By the words of INSTEAD."""
    config, name = project.pipeline, f"{env.project}-{env.name}"
    pipeline = f"{_console(config.region, 'codesuite')}/codepipeline/pipelines/{config.project}/view?{urlencode({'region': config.region})}"
    stage = deploy_stage(env.name) if env.approval == "never" else stage_of(env.name)
    return {
        "pipeline": pipeline,
        "approval": f"{pipeline}#{stage}",
        "connection": f"{_console(config.region, 'codesuite')}/settings/connections?{urlencode({'region': config.region})}",
        "stacks": f"{_page(env, 'cloudformation')}#/stacks?{urlencode({'filteringText': name + '-', 'filteringStatus': 'active'})}",
        "service": f"{_console(env.region, 'ecs')}/v2/clusters/{name}/services?{urlencode({'region': env.region})}",
        "logs": f"{_page(env, 'cloudwatch')}#logsV2:log-groups/log-group/{_twice(log_group(env))}",
        "dashboard": f"{_page(env, 'cloudwatch')}#dashboards/dashboard/{name}",
        "loadbalancer": f"{_page(env, 'ec2')}#LoadBalancers:search={quote(name)}",
        "addresses": f"{_page(env, 'ec2')}#Addresses:search={quote(name)}",
    }


def _console(region: str, service: str) -> str:
    return f"https://{region}.console.aws.amazon.com/{service}"


def _page(env: Environment, service: str) -> str:
    return f"{_console(env.region, service)}/home?{urlencode({'region': env.region})}"


def _twice(name: str) -> str:
    """As the console of CloudWatch escapes what comes behind its #: twice, with $ for %."""
    return quote(quote(name, safe=""), safe="").replace("%", "$")
