"""Starts the generator under ComfyUI's Python: the runner itself has no torch."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from runner.errors import UsageError
from runner.local_server.process import Installation, installed_comfyui

GENERATOR = Path(__file__).with_name("generate.py")
_TAIL = 12
"""Lines of what a process said last: its error, and where."""


@dataclass(frozen=True)
class Written:
    """One file that was made."""

    name: str
    file: Path
    bytes: int
    seconds: float


def write_smoke_models(installation: Installation, models_dir: Path, names: Sequence[str] = ()) -> Iterator[Written]:
    """Write the named smoke models (default: all) below `models_dir`; yields each as soon as it is there.

    Raises UsageError where ComfyUI's Python cannot be started, or the generator fails (its last lines are in the
    message).
    """
    command = [str(installation.python), str(GENERATOR), str(installation.comfyui), str(models_dir), *names]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONDONTWRITEBYTECODE": "1"}
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        try:
            process = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
            )
        except OSError as error:
            raise UsageError(f"{installation.python}: ComfyUI's Python does not start ({error}).") from error
        with process:
            try:
                for line in process.stdout or ():
                    made = json.loads(line)
                    yield Written(made["name"], Path(made["file"]), made["bytes"], made["seconds"])
            except BaseException:
                process.terminate()
                raise
        if process.returncode != 0:
            errors.seek(0)
            tail = "\n".join(errors.read().strip().splitlines()[-_TAIL:])
            raise UsageError(
                f"the smoke models could not be made (exit code {process.returncode}):\n{tail}",
                advice=f"They are made for ComfyUI 0.30 with its own Python; used was {installation.python}.",
            )


def installation_at(comfyui: Path | None) -> Installation:
    """The installed ComfyUI; or the one in this folder with the Python that runs it.

    Raises UsageError where there is none, or no Python with ComfyUI's packages is known.
    """
    installed = installed_comfyui()
    if comfyui is None:
        if installed is None:
            raise UsageError(
                "no ComfyUI is installed here, so there is no models folder.",
                advice="Run `python install.py`, or name yours with --comfyui DIR.",
            )
        return installed
    if not (comfyui / "main.py").is_file():
        raise UsageError(f"{comfyui}: this is no ComfyUI folder (it has no main.py).")
    if installed is not None and installed.comfyui.resolve() == comfyui.resolve():
        return installed
    python = _own_python(comfyui) or (installed.python if installed else None)
    if python is None:
        raise UsageError(
            f"{comfyui}: no Python environment (venv, .venv or python_embeded) was found for it.",
            advice="Run `python install.py --comfyui DIR` once; it records which Python that ComfyUI uses.",
        )
    return Installation(comfyui.resolve(), python, version="", managed=False)


def _own_python(comfyui: Path) -> Path | None:
    places = [comfyui / name / "bin" / "python" for name in (".venv", "venv")]
    places += [comfyui / name / "Scripts" / "python.exe" for name in (".venv", "venv")]
    places.append(comfyui.parent / "python_embeded" / "python.exe")  # the portable Windows package spells it so
    return next((place for place in places if place.is_file()), None)
