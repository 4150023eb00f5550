"""A nginx that stands as long as its configuration is wanted (a load balancer, the origins): started, reloaded, adopted, stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.local.plane import process
from pipeline.local.plane.process import Process
from pipeline.local.store import Store

KIND = "plane-process"
_START_SECONDS = 10.0
_POLL_SECONDS = 0.01


@dataclass
class Standing:
    """`applied` is the configuration that its workers run; None: not known to this engine yet."""

    name: str
    folder: Path
    store: Store
    running: Process | None = None
    applied: str | None = None

    def ensure(self, text: str) -> None:
        if self.running is not None and self.running.alive() and self.applied == text:
            return
        config = self.folder / "nginx.conf"
        (self.folder / "temporary").mkdir(parents=True, exist_ok=True)
        wanted = self.folder / "wanted.conf"
        wanted.write_text(text, encoding="utf-8")
        process.check(wanted)
        wanted.replace(config)
        if self.running is not None and self.running.alive():
            process.reload(self.running)
        else:
            self._start(config)
        self.applied = text

    def stop(self) -> None:
        if self.running is not None:
            self.running.end(self.folder)
        self.running, self.applied = None, None
        self.store.delete(KIND, self.name)

    def _start(self, config: Path) -> None:
        if self.running is not None:
            self.running.end(self.folder)
        self.running = process.start(["-c", str(config), "-g", process.foreground()], self.folder)
        self.store.put(KIND, self.name, {"name": self.name, "pid": self.running.pid, "started": self.running.started})
        deadline = time.monotonic() + _START_SECONDS
        while not process.workers(self.running):
            if not self.running.alive() or time.monotonic() > deadline:
                reason = process.last_line(self.folder)
                self.stop()
                raise PipelineError(f"{self.name}: nginx does not start: {reason}")
            time.sleep(_POLL_SECONDS)


def adopted(name: str, folder: Path, store: Store) -> Standing:
    """As an earlier engine left it: still serving, or not."""
    record = store.get(KIND, name)
    running = Process(record["pid"], record["started"]) if record else None
    if running is not None and not running.alive():
        # Its workers may have outlived it and still hold its addresses.
        running.end(folder)
        running = None
    return Standing(name, folder, store, running)
