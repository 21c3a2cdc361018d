"""What a process has used so far: CPU time to the nanosecond, and memory."""

import time
from pathlib import Path

_WHOLE_PROCESS = 2
"""``CPUCLOCK_SCHED``: the kernel's number for the exact CPU clock of a process (see ``clock_getcpuclockid(3)``)."""


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, user and system. Raises ``OSError`` when there is none of this id."""
    return time.clock_gettime(~pid << 3 | _WHOLE_PROCESS)


def resident_bytes(pid: int) -> int:
    """Memory that a process has in RAM and shares with nobody."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    private = [line.split()[1] for line in rollup.splitlines() if line.startswith("Private_")]
    return sum(map(int, private)) * 1024
