"""Somebody's own ComfyUI: found, checked, and left as it is."""

from __future__ import annotations

import os
from pathlib import Path

from installer import comfyui as source
from installer.console import InstallError
from installer.pythons import ask, environment_python

PORTABLE = ("python_embeded", "python_embedded")  # the first is how the Windows package really spells it


def locate(path: Path) -> Path:
    """The folder with ComfyUI's main.py: `path`, or the one inside a portable package.

    Raises InstallError where there is no ComfyUI, or it is older than the pack needs.
    """
    path = path.expanduser().resolve()
    for folder in (path, path / "ComfyUI"):
        if (folder / "main.py").is_file() and (folder / "comfy").is_dir():
            version = source.version_of(folder)
            if version is None or not source.is_new_enough(version):
                raise InstallError(
                    f"The ComfyUI in {folder} is {version or 'a very old version'}; "
                    f"prodgen needs {source.VERSION} or newer.",
                    "Update it (git pull and pip install -r requirements.txt, or its update script) and run this "
                    "command again, or leave out --comfyui to get one of its own.",
                )
            return folder
    raise InstallError(
        f"There is no ComfyUI in {path} (no main.py).",
        "Give the folder that holds ComfyUI's main.py: python install.py --comfyui PATH "
        "(--source package installs a separate one).",
        usage=True,
    )


def find_python(comfyui: Path, named: Path | None) -> Path:
    """The Python that runs this ComfyUI: the one named, or the one in the usual places beside it.

    Raises InstallError where none was found, or it has no torch.
    """
    if named is not None:
        candidates = [named.expanduser(), environment_python(named.expanduser())]
    else:
        candidates = [environment_python(comfyui / folder) for folder in (".venv", "venv")]
        candidates += [environment_python(comfyui.parent / folder) for folder in (".venv", "venv")]
        executable = "python.exe" if os.name == "nt" else "bin/python"
        candidates += [comfyui.parent / folder / executable for folder in PORTABLE]
    for candidate in candidates:
        if candidate.is_file() and ask([str(candidate)]) is not None:
            return Path(os.path.abspath(candidate))  # noqa: PTH100 - resolve() would leave the virtual environment
    if named is not None:
        raise InstallError(f"{named} is no Python that works.", "Give the Python that runs your ComfyUI.", usage=True)
    raise InstallError(
        f"The Python that runs the ComfyUI in {comfyui} was not found (no .venv, venv or python_embeded beside it).",
        f"Name it: python install.py --comfyui {comfyui} --python PATH_OF_ITS_PYTHON",
        usage=True,
    )
