"""The connection to the Git host, alone: a person confirms it once in the console, and a new one would have to be confirmed again."""

from __future__ import annotations

from troposphere import Output, Ref, Template
from troposphere.codeconnections import Connection

from stacks.keep import KEEP
from stacks.project import Project
from stacks.spec import StackSpec


def build(project: Project) -> Template:
    t = Template(Description=f"{project.pipeline.project}: connection to the Git host")
    connection = t.add_resource(
        Connection(
            "Connection",
            ConnectionName=project.pipeline.project,
            ProviderType=project.pipeline.repository.provider,
            **KEEP,
        )
    )
    t.add_output(Output("ConnectionArn", Value=Ref(connection)))
    return t


STACK = StackSpec(name="connection", build=build, protected=True)
