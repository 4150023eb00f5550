"""What the operating system knows about a program under load, and who may run on which core."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024
TIME_WAIT = "06"
CORES = sorted(os.sched_getaffinity(0))
# The subject has the last core for itself; the origin, the load and the name server share the others.
SUBJECT = {CORES[-1]}
REST = set(CORES[:-1]) or SUBJECT


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """What is started in here stays on these cores, with all its threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(process: int) -> list[int]:
    """The process and all that it started."""
    children: list[int] = []
    with suppress(FileNotFoundError):
        for task in Path(f"/proc/{process}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return [process, *(one for child in children for one in family(child))]


def cpu_seconds(process: int) -> float:
    """User and system time. Fields 14 and 15 of the file, counted behind the program's name."""
    total = 0
    for one in family(process):
        with suppress(FileNotFoundError):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(") ")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_mib(process: int) -> float:
    """PSS: pages that several processes share are counted once."""
    return sum(_number(f"/proc/{one}/smaps_rollup", "Pss:") for one in family(process)) / 1024


def written_mib(process: int, folder: Path) -> float:
    """What it has caused to be written to files, less what is still there as its logs: temporary files."""
    written = sum(_number(f"/proc/{one}/io", "write_bytes:") for one in family(process))
    return (written - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())) / MIB


def read_bytes(process: int) -> int:
    """By read(2), from files and from sockets."""
    return _number(f"/proc/{process}/io", "rchar:")


def time_wait(address: str) -> int:
    """Sockets that wait for stray packets and hold a port each; `address` is on one of their ends."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return sum(1 for line in lines if line[34:36] == TIME_WAIT and wanted in (line[6:14], line[20:28]))


def machine() -> dict[str, str]:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    models = {line.partition(": ")[2] for line in facts if line.startswith(("model name", "CPU part"))}
    return {
        "cores": str(len(CORES)),
        "processor": ", ".join(sorted(models)),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load before the run": f"{os.getloadavg()[0]:.2f}",
    }


def _number(file: str, name: str) -> int:
    with suppress(FileNotFoundError):
        for line in Path(file).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return 0
