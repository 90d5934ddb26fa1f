"""CPU time and memory of processes of ours, from /proc: steadier than the clock on a machine with neighbours."""

import os
from pathlib import Path

import psutil

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
# Fields of /proc/<pid>/stat behind the name: user and system time, own and of children that have ended.
OWN, ENDED_CHILDREN = (11, 12), (13, 14)


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
