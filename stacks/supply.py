"""The opt-in parts of the image's supply chain in the registry: a cache of the public registry, and signatures."""

from __future__ import annotations

from awacs.aws import Statement
from troposphere import GetAtt, Output, Ref, Template, ecr, signer

from policy import supply as policy
from stacks.keep import KEEP
from stacks.project import Project
from stacks.spec import StackSpec

PUBLIC_REGISTRY = "public.ecr.aws"
# An output here, a parameter of the stack that holds the builds.
SIGNING_PROFILE = "SigningProfileArn"


def build(project: Project) -> Template:
    t = Template(Description=f"{project.pipeline.project}: where images come from, and who signs them")
    if project.pipeline.supply.pull_through_cache:
        t.add_resource(
            ecr.PullThroughCacheRule(
                "PublicCache",
                EcrRepositoryPrefix=cache_prefix(project),
                UpstreamRegistry="ecr-public",
                UpstreamRegistryUrl=PUBLIC_REGISTRY,
            )
        )
    if project.pipeline.supply.signing:
        # Kept, since what it signed is only valid as long as it is there.
        profile = t.add_resource(signer.SigningProfile("SigningProfile", PlatformId="Notation-OCI-SHA384-ECDSA", **KEEP))
        images = ecr.RepositoryFilter(Filter=project.repository_name, FilterType="WILDCARD_MATCH")
        rule = ecr.Rule(SigningProfileArn=GetAtt(profile, "Arn"), RepositoryFilters=[images])
        t.add_resource(ecr.SigningConfiguration("Signing", Rules=[rule]))
        t.add_output(Output(SIGNING_PROFILE, Value=GetAtt(profile, "Arn")))
    return t


def cloudformation(project: Project) -> list[Statement]:
    """What CloudFormation needs to set it up."""
    config = project.pipeline
    where = f"{config.region}:{config.account}"
    return [
        *(policy.set_up_cache(account=config.account) if config.supply.pull_through_cache else []),
        *(policy.set_up_signing(where=where) if config.supply.signing else []),
    ]


def seen(project: Project) -> list[Statement]:
    """What whoever looks for drift needs."""
    config = project.pipeline
    return [
        *([policy.see_cache()] if config.supply.pull_through_cache else []),
        *(policy.see_signing(where=f"{config.region}:{config.account}") if config.supply.signing else []),
    ]


def build_statements(project: Project, repository: str) -> list[Statement]:
    """What the build of the image needs to use it."""
    config = project.pipeline
    cached = f"arn:aws:ecr:{config.region}:{config.account}:repository/{cache_prefix(project)}/*"
    return [
        *([policy.pull_through(cached)] if config.supply.pull_through_cache else []),
        *(policy.sign(Ref(SIGNING_PROFILE), repository) if config.supply.signing else []),
    ]


def cache_prefix(project: Project) -> str:
    """What the names of the cache's repositories begin with."""
    return f"{project.pipeline.project}-public"


def build_variables(project: Project) -> dict[str, str]:
    """What the build of the image is told about it."""
    chosen = project.pipeline.supply
    programs = {"BUILDER": chosen.builder, "SBOM_GENERATOR": chosen.sbom_generator} if chosen.attestations else {}
    return {"BASE_REGISTRY": base_registry(project), **programs}


def base_registry(project: Project) -> str:
    """Where a build pulls what is public."""
    config = project.pipeline
    if not config.supply.pull_through_cache:
        return PUBLIC_REGISTRY
    return f"{config.account}.dkr.ecr.{config.region}.amazonaws.com/{cache_prefix(project)}"


def _wanted(project: Project) -> bool:
    return project.pipeline.supply.pull_through_cache or project.pipeline.supply.signing


STACK = StackSpec(name="supply", build=build, wanted=_wanted)
