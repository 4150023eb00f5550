"""Who is told when something goes wrong, what is watched, and the one page to look at."""

from __future__ import annotations

from troposphere import Ref, Template, cloudwatch, kms, sns

from policy import alarm_topic
from stacks import alarms, dashboard, queries
from stacks.environment import Environment
from stacks.keep import KEEP
from stacks.placement import parameter
from stacks.spec import StackSpec


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: alarms, dashboard and saved queries")
    _topic(t, env)
    told = [Ref("Topic")]
    t.add_resource(alarms.no_healthy_target(t, env, "NoHealthyTarget", minutes=2, missing="breaching", actions=told))
    for zone in env.zones:
        t.add_resource(alarms.unhealthy_in_zone(t, env, zone, actions=told))
    for further in env.ports:
        t.add_resource(alarms.no_healthy_target(t, env, "NoHealthyTarget", minutes=2, missing="breaching", port=further.port, actions=told))
        t.add_resource(alarms.unhealthy_on_port(t, env, further.port, actions=told))
    t.add_resource(alarms.server_errors(env, "ServerErrors", percent=5, minutes=5, actions=told))
    t.add_resource(alarms.resets(t, "TargetResets", "TCP_Target_Reset_Count", by="Tasks", percent=20, actions=told))
    t.add_resource(alarms.resets(t, "ClientResets", "TCP_Client_Reset_Count", by="Clients", percent=50, actions=told))
    for name in ("ClusterName", "ServiceName"):
        parameter(t, name, "String", "Output of the service stack")
    t.add_resource(cloudwatch.Dashboard("Dashboard", DashboardName=f"{env.project}-{env.name}", DashboardBody=dashboard.body(t, env)))
    queries.build(t, env)
    return t


def _topic(t: Template, env: Environment) -> None:
    # A key of our own: with the key that AWS manages for SNS, CloudWatch alarms cannot publish.
    t.add_resource(
        kms.Key(
            "TopicKey",
            Description=f"{env.project} {env.name}: alarm topic",
            EnableKeyRotation=True,
            KeyPolicy=alarm_topic.key(account=env.account, region=env.region, stack=env.stack_name("monitoring")),
            **KEEP,
        )
    )
    t.add_resource(sns.Topic("Topic", KmsMasterKeyId=Ref("TopicKey")))
    t.add_resource(
        sns.TopicPolicy(
            "TopicPolicy",
            Topics=[Ref("Topic")],
            PolicyDocument=alarm_topic.topic(arn=Ref("Topic"), account=env.account, region=env.region, stack=env.stack_name("monitoring")),
        )
    )
    if env.alarm_email:
        t.add_resource(sns.SubscriptionResource("EmailSubscription", TopicArn=Ref("Topic"), Protocol="email", Endpoint=env.alarm_email))


STACK = StackSpec(name="monitoring", build=build)
