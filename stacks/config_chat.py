"""The chat channel that hears what the pipeline does."""

from __future__ import annotations

from typing import Annotated

from stacks.config_problems import Model
from stacks.config_values import Pattern


class Chat(Model):
    """A Slack channel. First let AWS into the workspace, once: console, Amazon Q Developer in chat applications, Configure new client."""

    slack_workspace: Annotated[str, Pattern(r"[0-9A-Z]{1,255}", "the id of a Slack workspace, like 'T0EXAMPLE01'")]
    """The workspace's id, which that page shows."""
    slack_channel: Annotated[str, Pattern(r"[A-Za-z0-9]{1,256}", "the id of a Slack channel, like 'C0EXAMPLE01'")]
    """The channel's id: the last part of its link. In a private channel invite @Amazon Q too."""
