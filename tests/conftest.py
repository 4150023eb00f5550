"""Which tests share a worker."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class OneWorkerForTheWhole(LoadScopeScheduling):
    """The tests of the whole system share one engine, which costs half a minute to start; every other test goes where there is room.

    xdist 3.8.0 has `--dist loadgroup` for this, but it renames tests by `item._nodeid`, which pytest 9.2.0 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "whole" if "local/whole/" in nodeid else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return OneWorkerForTheWhole(config, log)
