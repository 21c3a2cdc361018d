"""On what it was measured, since figures of different machines do not compare."""

import os
import platform
from pathlib import Path

from msgspec import Struct


class Machine(Struct, frozen=True):
    """Processor, number of cores that may be used, how busy it was (load average), and the interpreter."""

    processor: str
    cores: int
    load: float
    python: str

    def __str__(self) -> str:
        return f"{self.processor}, {self.cores} cores, load {self.load:.1f} at the start, Python {self.python}"


def this_machine() -> Machine:
    """The one that this runs on."""
    return Machine(
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        load=os.getloadavg()[0],
        python=platform.python_version(),
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
