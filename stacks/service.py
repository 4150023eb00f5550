"""The proxy: an ECS service of nginx tasks on ARM Fargate, behind the load balancer's target group."""

from __future__ import annotations

from troposphere import GetAtt, Output, Ref, Sub, Template, applicationautoscaling, ecs, iam, logs

from policy import task as policies
from policy import trust
from stacks import alarms
from stacks.environment import Environment
from stacks.keep import KEEP, KEEP_ONCE_CREATED
from stacks.placement import parameter, subnet_id
from stacks.ports import HEALTH_PATH, HEALTH_PORT, TRAFFIC_PORT
from stacks.spec import StackSpec

CONTAINER = "proxy"
# The user of the nginx-unprivileged image; a number, since the name is known only inside of the image.
USER = "101"
# Fargate's own limit; nginx uses two descriptors for each request in flight.
OPEN_FILES = 65535
# The image's nginx keeps its pid file and its temporary files here.
SCRATCH = "/tmp"  # noqa: S108 - a path in the container


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
    t.add_resource(
        logs.LogGroup("Logs", LogGroupName=f"/{env.project}/{env.name}/proxy", RetentionInDays=env.service.log_days, **KEEP_ONCE_CREATED)
    )
    _roles(t, env)
    _task_definition(t, env)
    _service(t, env)
    _scaling(t, env)
    t.add_output(Output("ClusterName", Value=Ref("Cluster")))
    t.add_output(Output("ServiceName", Value=GetAtt("Service", "Name")))
    return t


def _roles(t: Template, env: Environment) -> None:
    repository = f"arn:aws:ecr:{env.region}:{env.pipeline_account}:repository/{env.project}/proxy"
    execution = policies.execution(repository=repository, log_group=GetAtt("Logs", "Arn"))
    for name, document in (("ExecutionRole", execution), ("TaskRole", policies.task())):
        t.add_resource(
            iam.Role(
                name,
                AssumeRolePolicyDocument=trust.tasks(account=env.account, region=env.region),
                Policies=[iam.Policy(PolicyName="proxy", PolicyDocument=document)],
            )
        )


def _task_definition(t: Template, env: Environment) -> None:
    t.add_resource(
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
            ContainerDefinitions=[_container(env)],
        )
    )


def _container(env: Environment) -> ecs.ContainerDefinition:
    registry = f"{env.pipeline_account}.dkr.ecr.{env.region}.amazonaws.com/{env.project}/proxy"
    return ecs.ContainerDefinition(
        Name=CONTAINER,
        Image=Sub(f"{registry}@${{ImageDigest}}"),
        Essential=True,
        # No shell and no entrypoint script: the configuration of every environment is in the image, this names one.
        Command=["nginx", "-c", f"/etc/nginx/kotei/{env.name}/nginx.conf", "-g", "daemon off;"],
        User=USER,
        ReadonlyRootFilesystem=True,
        PortMappings=[ecs.PortMapping(ContainerPort=port, Protocol="tcp") for port in (TRAFFIC_PORT, HEALTH_PORT)],
        # As long as the load balancer drains, so that the request that it still waits for is not killed. Both end at ECS's 120 seconds.
        StopTimeout=env.service.drain_seconds,
        HealthCheck=ecs.HealthCheck(
            Command=["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{HEALTH_PORT}{HEALTH_PATH}"],
            Interval=10,
            Timeout=5,
            Retries=3,
            StartPeriod=10,
        ),
        Ulimits=[ecs.Ulimit(Name="nofile", SoftLimit=OPEN_FILES, HardLimit=OPEN_FILES)],
        LinuxParameters=ecs.LinuxParameters(
            Capabilities=ecs.KernelCapabilities(Drop=["ALL"]),
            # It counts as the task's memory.
            Tmpfs=[ecs.Tmpfs(ContainerPath=SCRATCH, Size=env.service.memory // 4, MountOptions=["rw", "noexec", "nosuid", "nodev"])],
        ),
        LogConfiguration=ecs.LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": Ref("Logs"),
                "awslogs-region": env.region,
                "awslogs-stream-prefix": CONTAINER,
                # Blocking is the default: nginx would stop answering while CloudWatch Logs does not answer.
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        ),
    )


def _service(t: Template, env: Environment) -> None:
    guards = alarms.deployment_guards(t, env)
    t.add_resource(
        ecs.Service(
            "Service",
            ServiceName=CONTAINER,
            Cluster=Ref("Cluster"),
            TaskDefinition=Ref("TaskDefinition"),
            # No DesiredCount: the number is the scaling's, and a deployment would set it back.
            CapacityProviderStrategy=_capacity(env),
            PlatformVersion="1.4.0",
            AvailabilityZoneRebalancing="ENABLED",
            DeploymentConfiguration=ecs.DeploymentConfiguration(
                MinimumHealthyPercent=100,
                MaximumPercent=200,
                DeploymentCircuitBreaker=ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True),
                Alarms=ecs.DeploymentAlarms(AlarmNames=[Ref(alarm) for alarm in guards], Enable=True, Rollback=True),
            ),
            HealthCheckGracePeriodSeconds=60,
            LoadBalancers=[
                ecs.LoadBalancer(
                    ContainerName=CONTAINER,
                    ContainerPort=TRAFFIC_PORT,
                    TargetGroupArn=parameter(t, "TargetGroupArn", "String", "Output of the loadbalancer stack"),
                )
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
