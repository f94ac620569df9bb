"""Which Python does the work, and the environment made with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from installer.console import InstallError

OLDEST = (3, 10)
NEWEST_WITH_TORCH = (3, 14)  # the newest Python the pinned torch has wheels for
NAMES = ("python3.12", "python3.13", "python3.11", "python3.14", "python3.10", "python3", "python")

_QUESTION = """
import json, struct, sys
try:
    import ensurepip, venv
    can_make = True
except ImportError:
    can_make = False
print(json.dumps([list(sys.version_info[:3]), can_make, struct.calcsize("P") * 8, sys.executable]))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python that was asked about itself."""

    path: str
    version: tuple[int, ...]
    can_make_environments: bool
    bits: int

    @property
    def name(self) -> str:
        return f"Python {'.'.join(str(part) for part in self.version)}"


def ask(command: list[str]) -> Interpreter | None:
    """What the interpreter behind a command is; None when there is none that works."""
    try:
        answer = subprocess.run([*command, "-c", _QUESTION], capture_output=True, text=True, timeout=60, check=False)
        version, can_make, bits, path = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return Interpreter(str(path), tuple(version), bool(can_make), int(bits))


def objection(python: Interpreter, *, for_torch: bool) -> str:
    """Why this Python will not do; empty when it will."""
    if python.version[:2] < OLDEST:
        return "it is older than 3.10"
    if for_torch and python.version[:2] > NEWEST_WITH_TORCH:
        return "the torch that ComfyUI needs is not built for it yet (3.10 to 3.14 will do)"
    if for_torch and python.bits != 64:
        return "it is a 32-bit build"
    if not python.can_make_environments:
        return "its venv module is missing"
    return ""


def choose(*, for_torch: bool) -> Interpreter:
    """The running Python if it will do, otherwise one on PATH that will.

    Raises InstallError where none will; it says why the running one will not and how to get one.
    """
    running = ask([sys.executable])
    if running is not None and not objection(running, for_torch=for_torch):
        return running
    commands = [["py", f"-3.{minor}"] for minor in (12, 13, 11, 14, 10)] if os.name == "nt" else []
    commands += [[path] for path in map(shutil.which, NAMES) if path]
    for command in commands:
        other = ask(command)
        if other is not None and not objection(other, for_torch=for_torch):
            return other
    if running is None:
        raise InstallError(f"This Python ({sys.executable}) cannot start itself.", "Install Python 3.12 and run again.")
    major, minor = running.version[:2]
    advice = "Install Python 3.12 and run: python3.12 install.py"
    if not running.can_make_environments:
        advice = (
            f"On Debian and Ubuntu: sudo apt install python{major}.{minor}-venv – then run this command again.\n"
            "  Elsewhere, install Python 3.12 and run: python3.12 install.py"
        )
    why = objection(running, for_torch=for_torch)
    raise InstallError(f"{running.name} ({running.path}) will not do: {why}, and no other was found.", advice)


def environment_python(folder: Path) -> Path:
    """The interpreter inside a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_environment() -> dict[str, str]:
    """This process's environment without what would lead another Python astray."""
    lead_astray = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "__PYVENV_LAUNCHER__")
    return {key: value for key, value in os.environ.items() if key not in lead_astray}
