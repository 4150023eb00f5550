"""ARNs of what an environment holds, as patterns: they are written into policies before any of it exists."""

from __future__ import annotations

from stacks.environment import Environment


def stack(region: str, account: str, name: str) -> str:
    return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/*"


def stacks(env: Environment) -> str:
    return stack(env.region, env.account, env.stack_name("*"))


def services(env: Environment) -> str:
    return f"arn:aws:ecs:{env.region}:{env.account}:service/{env.project}-{env.name}/*"


def tasks(env: Environment) -> str:
    return f"arn:aws:ecs:{env.region}:{env.account}:task/{env.project}-{env.name}/*"


def alarms(env: Environment) -> str:
    """CloudFormation names them `<stack>-<logical id>-<random>`."""
    return f"arn:aws:cloudwatch:{env.region}:{env.account}:alarm:{env.stack_name('*')}"


def security_groups(env: Environment) -> str:
    """Of the whole region: EC2 gives them ids and no names."""
    return f"arn:aws:ec2:{env.region}:{env.account}:security-group/*"
