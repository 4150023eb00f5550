"""One thread a stack operation: an AWS call returns at once, the work goes on here."""

from __future__ import annotations

import threading
from collections.abc import Callable

# Guards "is it busy?" together with the write that makes it busy.
BEGIN = threading.Lock()
_running: dict[str, threading.Thread] = {}


def start(stack_id: str, work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work, name=f"cloudformation {stack_id.rsplit('/', 2)[1]}", daemon=True)
    _running[stack_id] = thread
    thread.start()


def wait() -> None:
    """Until no stack operation is running."""
    for thread in list(_running.values()):
        thread.join()
