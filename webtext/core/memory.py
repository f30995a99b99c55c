"""Peak memory of this process."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes


def peak_memory() -> int:
    """Bytes of resident memory of this process at its highest (VmHWM of proc(5), else ru_maxrss of getrusage(2)).

    NB: on Linux ru_maxrss of a process that was started begins with that of the process that started it.
    """
    if STATUS.exists():
        found = re.search(rb"^VmHWM:\s*(\d+) kB", STATUS.read_bytes(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT
