"""CPU time and memory of processes of ours, from /proc: steadier than the clock on a machine with neighbours."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat behind the name: user and system time, own and of children that have ended.
OWN, ENDED_CHILDREN = (11, 12), (13, 14)


# Our own process, which makes the load: told, and not part of what the product costs.
LOAD = "load"


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds by kind of process."""

    by_kind: Mapping[str, float]

    def since(self, earlier: "Spent", per: float = 1.0) -> "Spent":
        """What came to it after `earlier`, divided."""
        return Spent({kind: (late - earlier.by_kind[kind]) / per for kind, late in self.by_kind.items()})

    @property
    def total(self) -> float:
        """Of the product and PostgreSQL."""
        return sum(seconds for kind, seconds in self.by_kind.items() if kind != LOAD)

    def __str__(self) -> str:
        kinds = sorted(self.by_kind.items(), key=lambda each: -each[1])
        return ", ".join(f"{kind} {seconds:.3f}" for kind, seconds in kinds)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of its ended children; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(fields[place]) for place in (*OWN, *ENDED_CHILDREN)) / TICKS_A_SECOND


def family(pid: int) -> list[int]:
    """The process and all that descends from it and lives."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def family_cpu_seconds(pid: int) -> float:
    """CPU time of a process and everything below it, ended or not."""
    return sum(map(cpu_seconds, family(pid)))


def pss_bytes(pid: int) -> int:
    """Memory of a process with its share of what it shares; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
