"""How long something may take on a machine that others use, too.

What a test says of time is said of a machine at rest. It must hold on one that is busy, and fail on neither because
the machine is slow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

HANG_S = 600.0
"""What takes longer has stopped for good: a guard for waiting, never a measure."""
_QUIET_S = 0.06
"""What starting a Python takes on a machine at rest."""


def within(seconds: float, since: float) -> bool:
    """Whether less than `seconds` have passed since `since` (`time.monotonic`).

    Where it was more, the machine is asked how slow it is just now and was in the last minute, and gets as many times
    longer, with twice that to spare.
    """
    took = time.monotonic() - since
    return took < seconds or took < 2 * seconds * slowness()


def slowness() -> float:
    """How many times longer this machine takes than one at rest; at least 1."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-S", "-c", "import json, http.client"], check=True)
    started = (time.monotonic() - begin) / _QUIET_S
    load = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 1.0
    return max(1.0, started, load)
