"""The proxy: an ECS service of nginx tasks on ARM Fargate, behind the load balancer's target group."""

from __future__ import annotations

from troposphere import GetAtt, Output, Ref, Sub, Template, applicationautoscaling, cloudwatch, ecs, iam, logs

from policy import task as policies
from policy import trust
from stacks import alarms, alternate, boundary, containers, log_metrics
from stacks.environment import Environment
from stacks.keep import KEEP, KEEP_ONCE_CREATED
from stacks.placement import parameter, subnet_id
from stacks.ports import LISTENER_PORT, TRAFFIC_PORT, container_port, suffix
from stacks.queries import log_group
from stacks.spec import StackSpec


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: proxy service")
    parameter(t, "ImageDigest", "String", "sha256:... of the image that this deployment runs")
    t.add_resource(
        ecs.Cluster(
            "Cluster",
            ClusterName=f"{env.project}-{env.name}",
            CapacityProviders=["FARGATE", "FARGATE_SPOT"],
            # Said, since an account may turn it on for all: it costs about as much as a small task, and writes to a log group that
            # never expires. The service's CPU and memory and the load balancer's metrics are free and enough for the alarms.
            ClusterSettings=[ecs.ClusterSetting(Name="containerInsights", Value="disabled")],
        )
    )
    t.add_resource(logs.LogGroup("Logs", LogGroupName=log_group(env), RetentionInDays=env.service.log_days, **KEEP_ONCE_CREATED))
    _roles(t, env)
    _task_definition(t, env)
    _service(t, env)
    _scaling(t, env)
    t.add_output(Output("ClusterName", Value=Ref("Cluster")))
    t.add_output(Output("ServiceName", Value=GetAtt("Service", "Name")))
    return t


def _roles(t: Template, env: Environment) -> None:
    repository = f"arn:aws:ecr:{env.image_region}:{env.pipeline_account}:repository/{env.project}/proxy"
    execution = policies.execution(repositories=[repository], log_group=GetAtt("Logs", "Arn"), secrets=containers.secret_arns(env))
    for name, document in (("ExecutionRole", execution), ("TaskRole", policies.task())):
        t.add_resource(
            iam.Role(
                name,
                AssumeRolePolicyDocument=trust.tasks(account=env.account, region=env.region),
                PermissionsBoundary=boundary.reference(env),
                Policies=[iam.Policy(PolicyName="proxy", PolicyDocument=document)],
            )
        )
    if env.service.has_alternate:
        t.add_resource(alternate.role(t, env))


def _task_definition(t: Template, env: Environment) -> None:
    task = t.add_resource(
        ecs.TaskDefinition(
            "TaskDefinition",
            # Replaced with every image. The revisions before stay registered: what a rollback returns to is one of them.
            **KEEP,
            # Named, or each replacement would be a family of its own with one revision.
            Family=f"{env.project}-{env.name}-proxy",
            RequiresCompatibilities=["FARGATE"],
            NetworkMode="awsvpc",
            Cpu=str(env.service.cpu),
            Memory=str(env.service.memory),
            RuntimePlatform=ecs.RuntimePlatform(CpuArchitecture="ARM64", OperatingSystemFamily="LINUX"),
            ExecutionRoleArn=GetAtt("ExecutionRole", "Arn"),
            TaskRoleArn=GetAtt("TaskRole", "Arn"),
            ContainerDefinitions=containers.definitions(env),
        )
    )
    if volumes := containers.volumes(env):
        task.Volumes = volumes


def _service(t: Template, env: Environment) -> None:
    log_metrics.build(t, env)
    guards = alarms.deployment_guards(t, env)
    t.add_resource(
        ecs.Service(
            "Service",
            ServiceName=containers.PROXY,
            Cluster=Ref("Cluster"),
            TaskDefinition=Ref("TaskDefinition"),
            # No DesiredCount: the number is the scaling's, and a deployment would set it back.
            CapacityProviderStrategy=_capacity(env),
            PlatformVersion="1.4.0",
            AvailabilityZoneRebalancing="ENABLED",
            DeploymentConfiguration=_deployment(env, guards),
            HealthCheckGracePeriodSeconds=60,
            LoadBalancers=[
                _load_balancer(t, env, outside, inside)
                for outside, inside in ((LISTENER_PORT, TRAFFIC_PORT), *((p.port, container_port(p.port)) for p in env.ports))
            ],
            NetworkConfiguration=ecs.NetworkConfiguration(
                AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                    # The subnets are public and have no NAT: without it a task reaches neither its image nor an origin.
                    AssignPublicIp="ENABLED",
                    SecurityGroups=[parameter(t, "TaskSecurityGroup", "AWS::EC2::SecurityGroup::Id", "Output of the security stack")],
                    Subnets=[subnet_id(t, env, zone) for zone in env.zones],
                )
            ),
            EnableECSManagedTags=True,
            PropagateTags="SERVICE",
        )
    )


def _deployment(env: Environment, guards: list[cloudwatch.Alarm]) -> ecs.DeploymentConfiguration:
    if env.service.shifts:
        how = alternate.deployment(env)
    else:
        how = {"DeploymentCircuitBreaker": ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True)}
    return ecs.DeploymentConfiguration(
        MinimumHealthyPercent=100,
        MaximumPercent=200,
        Alarms=ecs.DeploymentAlarms(AlarmNames=[Ref(alarm) for alarm in guards], Enable=True, Rollback=True),
        **how,
    )


def _load_balancer(t: Template, env: Environment, outside: int, inside: int) -> ecs.LoadBalancer:
    balancing = ecs.LoadBalancer(ContainerName=containers.PROXY, ContainerPort=inside, TargetGroupArn=_target_group(t, env, outside))
    if env.service.has_alternate:
        balancing.AdvancedConfiguration = alternate.advanced(t, env, outside)
    return balancing


def _target_group(t: Template, env: Environment, port: int) -> Ref | Sub:
    if port == LISTENER_PORT:
        return parameter(t, "TargetGroupArn", "String", "Output of the loadbalancer stack")
    # By its name, which is half as long: CodePipeline takes 1 KB of parameters.
    name = f"TargetGroupFullName{suffix(port)}"
    parameter(t, name, "String", "Output of the loadbalancer stack")
    return Sub(f"arn:aws:elasticloadbalancing:{env.region}:{env.account}:${{{name}}}")


def _capacity(env: Environment) -> list[ecs.CapacityProviderStrategyItem]:
    spot = env.service.spot_percent
    # Without Spot every task is on demand whatever the base says; the house rules want one named.
    base = max(1, env.service.on_demand_base)
    strategy = [ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Base=base, Weight=100 - spot)]
    if spot:
        strategy.append(ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE_SPOT", Weight=spot))
    return strategy


def _scaling(t: Template, env: Environment) -> None:
    t.add_resource(
        applicationautoscaling.ScalableTarget(
            "ScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=Sub("service/${Cluster}/${Service.Name}"),
            MinCapacity=env.service.min_tasks,
            MaxCapacity=env.service.max_tasks,
        )
    )
    t.add_resource(
        applicationautoscaling.ScalingPolicy(
            "CpuScaling",
            PolicyName="cpu",
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=Ref("ScalableTarget"),
            TargetTrackingScalingPolicyConfiguration=applicationautoscaling.TargetTrackingScalingPolicyConfiguration(
                PredefinedMetricSpecification=applicationautoscaling.PredefinedMetricSpecification(
                    PredefinedMetricType="ECSServiceAverageCPUUtilization"
                ),
                TargetValue=float(env.service.cpu_target_percent),
                ScaleOutCooldown=60,
                ScaleInCooldown=300,
            ),
        )
    )


STACK = StackSpec(name="service", build=build)
