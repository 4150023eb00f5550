"""Bytes through the emulated load balancer: who gets in, what the tasks and the origins see."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.local

CLIENT, STRANGER = "127.0.113.5", "127.0.113.99"


def test_an_allowed_client_is_served_on_every_fixed_address(town: Any) -> None:
    assert [town.get(zone=zone) for zone in (0, 1)] == [(200, "v1"), (200, "v1")]


def test_a_client_outside_the_allowed_networks_is_refused(town: Any) -> None:
    assert not town.reaches(source=STRANGER)
    assert town.reaches(source=CLIENT)
