"""Commands as somebody who is not root: to root, nothing is read-only."""

from __future__ import annotations

import os
import shutil

import pytest


def as_a_person() -> list[str]:
    """What is put before a command so that a read-only folder is one to it, too: nothing is to root."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("for root, nothing is read-only (needs setpriv, of util-linux)")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner"]
