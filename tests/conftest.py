"""Which tests share a worker."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# About half of the time of tests/local/whole.
OPERATION = ("test_whole_runbooks.py", "test_whole_up.py", "test_whole_engine.py", "test_whole_addresses.py")


class TwoWorkersForTheWhole(LoadScopeScheduling):
    """The tests of the whole system share two engines, which cost half a minute each; every other test goes where there is room.

    xdist 3.8.0 has `--dist loadgroup` for this, but it renames tests by `item._nodeid`, which pytest 9.2.0 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if "local/whole/" not in file:
            return nodeid
        return "operation" if file.endswith(OPERATION) else "delivery"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return TwoWorkersForTheWhole(config, log)
