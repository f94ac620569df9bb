"""Writes the smoke models. It is a program of its own because it needs torch, which only ComfyUI's Python has:

    PYTHON_OF_COMFYUI runner/smoke/generate.py COMFYUI_FOLDER MODELS_FOLDER [NAME ...]

It prints one JSON line for each file it wrote; without names it writes all of them.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def main(comfyui: Path, models_dir: Path, names: list[str]) -> None:
    _find_modules(comfyui)
    from runner.models.stand_ins import MODELS
    from runner.smoke.weights import save

    for model in MODELS:
        if names and model.name not in names:
            continue
        started = time.process_time()
        module, function = model.maker.split(":")
        make = getattr(importlib.import_module(f"runner.smoke.{module}"), function)
        path = models_dir / model.folder / model.file
        save(make(**dict(model.arguments)), path)
        seconds = round(time.process_time() - started, 2)
        line = {"name": model.name, "file": str(path), "bytes": path.stat().st_size, "seconds": seconds}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def _find_modules(comfyui: Path) -> None:
    """ComfyUI's packages and this project's, in place of this folder (its `clip.py` and others would be in the way)."""
    sys.path[0:1] = [str(comfyui), str(PROJECT)]
    sys.argv = [sys.argv[0], "--cpu"]  # ComfyUI's modules read the command line when they are imported
    import comfy.options

    comfy.options.enable_args_parsing()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), sys.argv[3:])
