"""How often somebody looks whether what is live is still what was deployed."""

from __future__ import annotations

from typing import Literal

from stacks.config_problems import Model


class DriftCheck(Model):
    """Whether a build compares what is live with what was deployed and with Git, and tells the approvers what differs."""

    every: Literal["off", "hour", "day"] = "off"
    """How often. It reads, and changes nothing; a build takes about three minutes, so a day costs about 0.01 US dollars.

    The detections themselves are free. When it is turned off again, delete the drift stack."""
