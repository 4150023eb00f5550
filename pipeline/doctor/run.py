"""Every check at once, and what they found as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pipeline.aws import DENIED, Aws, RefusedError, Target
from pipeline.doctor import account, deployed, network, shared
from pipeline.doctor.model import STATES, Finding, Look, LookShared, Place, Shared, Told, unknown
from pipeline.errors import PipelineError
from pipeline.prepare import environment_aws, pipeline_aws
from pipeline.stages import SHARED
from stacks.environment import Environment
from stacks.project import Project

COMPUTER = "computer"
TOGETHER = 8
WIDTH = 80

OF_THE_COMPUTER: dict[str, LookShared] = {"clock": shared.clock, "tools": shared.tools}
OF_SHARED: dict[str, LookShared] = {
    "connection": shared.connection,
    "pipeline": shared.pipeline,
    "build image": shared.build_image,
    "roles": account.shared_role,
}
OF_AN_ENVIRONMENT: dict[str, Look] = {
    "addresses": deployed.addresses,
    "alarms": deployed.alarms,
    "certificate": network.certificate,
    "image": deployed.image,
    "linked roles": account.linked_roles,
    "names": network.names,
    "protection": deployed.protection,
    "public access": network.public_access,
    "quota: addresses": account.addresses,
    "quota: balancers": account.balancers,
    "quota: Fargate": account.processors,
    "region": account.services,
    "roles": account.cloudformation_role_exists,
    "told": deployed.subscriptions,
}


def examine(root: Path, project: Project, target: Target, only: Environment | None) -> list[Finding]:
    """Of one environment, or of all; the pipeline and this computer are always looked at."""
    whole = Shared(root=root, project=project, aws=pipeline_aws(project, target))
    # Making a client costs more than asking with it, so environments of one account and region share theirs.
    known = {whole.aws: whole.aws}
    jobs: list[tuple[str, str, Callable[[], Iterator[Told]]]] = []
    for about, looks in ((COMPUTER, OF_THE_COMPUTER), (SHARED, OF_SHARED)):
        jobs += [(about, name, partial(look, whole)) for name, look in looks.items()]
    for env in [only] if only else project.environments:
        aws = environment_aws(env, target)
        place = _place(whole, env, known.setdefault(aws, aws))
        jobs += [(env.name, name, partial(look, place)) for name, look in OF_AN_ENVIRONMENT.items()]
    with ThreadPoolExecutor(max_workers=TOGETHER) as together:
        return [found for told in together.map(lambda job: _safely(*job), jobs) for found in told]


def worst(found: Sequence[Finding]) -> str:
    return max((one.state for one in found), key=STATES.index, default="ok")


def text(found: Sequence[Finding]) -> str:
    """What is not well in full, what is well counted by its place."""
    lines = []
    for about in dict.fromkeys(one.about for one in found):
        mine = [one for one in found if one.about == about]
        lines.append(f"{about}: {sum(one.state == 'ok' for one in mine)} of {len(mine)} checks are well")
        for one in sorted((one for one in mine if one.state != "ok"), key=lambda one: -STATES.index(one.state)):
            told = f"  {one.state:<8} {one.check}: {one.text}"
            lines += textwrap.wrap(told, WIDTH, subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False)
            if one.mend:
                # A command that goes over two lines cannot be pasted.
                lines.append(f"           mend: {one.mend}")
    return "\n".join(lines) + "\n"


def _place(whole: Shared, env: Environment, aws: Aws) -> Place:
    beside = tuple(one for one in whole.project.environments if (one.account, one.region) == (env.account, env.region))
    return Place(root=whole.root, env=env, aws=aws, registry=whole.aws, repository=whole.project.repository_name, beside=beside)


def _safely(about: str, name: str, look: Callable[[], Iterator[Told]]) -> list[Finding]:
    """What one check may not see is no reason for the others to be silent."""
    try:
        told = list(look())
    except RefusedError as refused:
        why = "denied" if refused.code in DENIED else refused.code
        told = [unknown(f"could not look: {why}: {refused}")]
    except PipelineError as error:
        told = [unknown(f"could not look: {error}")]
    return [Finding(about=about, check=name, **vars(one)) for one in told]
