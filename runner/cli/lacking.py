"""A Python that lacks what this program needs: which one has it, or how one is made. The standard library alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from runner.errors import UsageError
from runner.invocation import quoted

_ROOT = Path(__file__).resolve().parents[2]


def lacking(error: Exception, argv: Sequence[str], root: Path = _ROOT) -> UsageError | None:
    """What to say where a library is not installed; None for every other fault, a lost module of ours among them."""
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    library = error.name.partition(".")[0]
    if library in sys.stdlib_module_names or library == "runner":
        return None
    if not (root / "install.py").is_file():
        return UsageError(f"this Python lacks a library: {library}.", advice="Install prodgen again, with pip.")
    environment = root / ".venv"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    line = " ".join(quoted(word) for word in (_shown(python), "-m", "runner", *argv))
    is_this = Path(sys.prefix).resolve() == environment.resolve()
    if python.is_file() and not is_this:
        return UsageError(f"this Python lacks a library: {library}. The one in .venv has it.", advice=line)
    return UsageError(
        f"this Python lacks a library: {library}. Install prodgen, then the same again:",
        advice=f"python {quoted(_shown(root / 'install.py'))}\n  {line}",
    )


def _shown(path: Path) -> str:
    """From here, where it is below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (OSError, ValueError):
        return str(path)
