"""What runs in a task: nginx, and before it, where an origin asks for a certificate, the container that fetches that from its secret."""

from __future__ import annotations

from troposphere import Ref, Sub, ecs

from stacks import drain
from stacks.environment import Environment, OriginSettings
from stacks.origins import http_origins
from stacks.ports import CONTAINER_HEALTH_PORT, HEALTH_PATH, HEALTH_PORT, TRAFFIC_PORT, container_port

PROXY = "proxy"
SECRETS = "secrets"  # pragma: allowlist secret - the name of a container
# The user of the nginx-unprivileged image; a number, since the name is known only inside of the image.
USER = "101"
# Fargate's own limit; nginx uses two descriptors for each request in flight.
OPEN_FILES = 65535
# The image's nginx keeps its pid file and its temporary files here.
SCRATCH = "/tmp"  # noqa: S108 - a path in the container
# The one folder that both containers see. Its owner and mode are those that the image gives it (docker/Dockerfile).
CERTIFICATES = "certificates"
CERTIFICATES_FOLDER = "/run/kotei"


def certified(env: Environment) -> list[tuple[str, OriginSettings]]:
    """(name, settings) of the origins to which the proxy shows a certificate."""
    named = {origin.upstream: origin.settings for origin in http_origins(env).values()}
    return [(name, settings) for name, settings in named.items() if settings.client_certificate]


def secret_arns(env: Environment) -> list[str]:
    return sorted({settings.client_certificate for _, settings in certified(env) if settings.client_certificate})


def definitions(env: Environment) -> list[ecs.ContainerDefinition]:
    return [_proxy(env), _secrets(env)] if certified(env) else [_proxy(env)]


def volumes(env: Environment) -> list[ecs.Volume]:
    # Without a host path, ECS makes it on the task's own encrypted disk and removes it with the task.
    return [ecs.Volume(Name=CERTIFICATES)] if certified(env) else []


def _proxy(env: Environment) -> ecs.ContainerDefinition:
    container = _container(
        env,
        PROXY,
        Essential=True,
        # No shell and no entrypoint script: the configuration of every environment is in the image, this names one.
        Command=["nginx", "-c", f"/etc/nginx/kotei/{env.name}/nginx.conf", "-g", "daemon off;"],
        PortMappings=[
            ecs.PortMapping(ContainerPort=port, Protocol="tcp")
            for port in (TRAFFIC_PORT, HEALTH_PORT, *(container_port(further.port) for further in env.ports))
        ],
        StopTimeout=drain.stop_timeout(env),
        HealthCheck=ecs.HealthCheck(
            Command=["CMD", "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{CONTAINER_HEALTH_PORT}{HEALTH_PATH}"],
            Interval=10,
            Timeout=5,
            Retries=3,
            StartPeriod=10,
        ),
        Ulimits=[ecs.Ulimit(Name="nofile", SoftLimit=OPEN_FILES, HardLimit=OPEN_FILES)],
    )
    # It counts as the task's memory.
    container.LinuxParameters.Tmpfs = [
        ecs.Tmpfs(ContainerPath=SCRATCH, Size=env.service.memory // 4, MountOptions=["rw", "noexec", "nosuid", "nodev"])
    ]
    if certified(env):
        container.DependsOn = [ecs.ContainerDependency(ContainerName=SECRETS, Condition="SUCCESS")]
        container.MountPoints = [ecs.MountPoint(SourceVolume=CERTIFICATES, ContainerPath=CERTIFICATES_FOLDER, ReadOnly=True)]
    return container


def _secrets(env: Environment) -> ecs.ContainerDefinition:
    """It ends before nginx starts. Its environment is the only place where a key is outside of the volume."""
    origins = list(enumerate(certified(env), start=1))
    return _container(
        env,
        SECRETS,
        Essential=False,
        Command=["/bin/sh", "/etc/nginx/kotei/secrets.sh"],
        Environment=[ecs.Environment(Name=f"KOTEI_CLIENT_{number}_NAME", Value=name) for number, (name, _) in origins],
        Secrets=[
            ecs.Secret(Name=f"KOTEI_CLIENT_{number}_{key.upper()}", ValueFrom=f"{settings.client_certificate}:{key}::")
            for number, (_, settings) in origins
            for key in ("certificate", "private_key")
        ],
        MountPoints=[ecs.MountPoint(SourceVolume=CERTIFICATES, ContainerPath=CERTIFICATES_FOLDER, ReadOnly=False)],
        # It has nothing to finish.
        StopTimeout=2,
    )


def _container(env: Environment, name: str, **own: object) -> ecs.ContainerDefinition:
    """What both have in common."""
    registry = f"{env.pipeline_account}.dkr.ecr.{env.image_region}.amazonaws.com/{env.project}/proxy"
    return ecs.ContainerDefinition(
        Name=name,
        Image=Sub(f"{registry}@${{ImageDigest}}"),
        User=USER,
        ReadonlyRootFilesystem=True,
        LinuxParameters=ecs.LinuxParameters(Capabilities=ecs.KernelCapabilities(Drop=["ALL"])),
        LogConfiguration=ecs.LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": Ref("Logs"),
                "awslogs-region": env.region,
                "awslogs-stream-prefix": name,
                # Blocking is the default: nginx would stop answering while CloudWatch Logs does not answer.
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        ),
        **own,
    )
