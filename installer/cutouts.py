"""Learned background removal: the networks that install.py fetches into its own ComfyUI.

Which they are, where they come from and what they must be is written in models_manifest.yaml; the runner, which is
installed by then, fetches and checks them (`models download --default`).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from installer import files
from installer.console import Step, say
from installer.journal import fingerprint
from installer.project import Project

_STEP = "cutouts"
_COMMAND = ["-m", "runner", "models", "download", "--default"]
_FOLDERS = ("background_removal", "sams", "classifiers")
"""Of ComfyUI's models, those that the networks go to."""
_LIBRARIES = ("onnxruntime", "timm")
"""What the networks run on and ComfyUI does not bring: the modules of the pack's requirements.txt."""


def lacks_libraries(python: Path) -> bool:
    """Whether one of the networks could not be run by this Python."""
    question = f"import importlib.util, sys; sys.exit(not all(map(importlib.util.find_spec, {_LIBRARIES!r})))"
    return subprocess.run([str(python), "-c", question], capture_output=True, check=False).returncode != 0


def are_installed(project: Project) -> bool:
    """Whether all that is wanted was fetched or found, and is still there."""
    wanted = project.journal.facts.get(_STEP, {})
    return project.journal.is_done(_STEP, _stamp(project)) and all(
        (project.comfyui / name).is_file() for name in wanted
    )


def _stamp(project: Project) -> str:
    return fingerprint((project.root / "models_manifest.yaml").read_bytes())


def install(project: Project) -> bool:
    """Fetch what is not there, and say in a line what was taken; returns whether anything was.

    Nothing of it is worth a stop: what cannot be had is said, with the command that gets it later.
    """
    taken: list[dict[str, Any]] = []
    lost: list[dict[str, Any]] = []
    present = 0
    ours: dict[str, str | bool] = dict(project.journal.facts.get(_STEP, {}))
    with Step("Networks of the cut-out") as step:

        def hear(line: str) -> None:
            nonlocal present
            event = json.loads(line)
            if event["event"] == "downloading":
                step.doing(f"downloading {event['id']}")
            elif event["event"] == "downloaded":
                taken.append(event)
                ours[_inside(project, event)] = str(event["sha256"])
                project.journal.remember(**{_STEP: ours})
            elif event["event"] == "present":
                present += 1
                if Path(event["file"]).is_relative_to(project.comfyui):
                    ours.setdefault(_inside(project, event), False)
            elif event["event"] == "failed":
                lost.append(event)

        command = [str(project.python), *_COMMAND, "--json", "--comfyui", str(project.comfyui)]
        project.children.run(command, each=hear, cwd=project.root, errors_apart=True)
    project.journal.remember(**{_STEP: ours})
    if taken:
        say("  " + "; ".join(f"{one['id']} from {one['source']}, licence: {one['licence']}" for one in taken) + ".")
    for event in lost:
        say(f"  {event.get('id', 'They')} could not be had: {event['message']}")
    if lost or not (taken or present):
        later = " ".join([str(project.python.relative_to(project.root)), *_COMMAND])
        works = "Cut-outs work, less well," if not (taken or present) else "Cut-outs work with what is there,"
        say(f"  {works} and nothing else needs it. Later: {later}")
    else:
        project.journal.done(_STEP, _stamp(project))
    return bool(taken)


def _inside(project: Project, event: dict[str, Any]) -> str:
    return Path(event["file"]).relative_to(project.comfyui).as_posix()


def explain(project: Project, python: Path) -> None:
    """How somebody's own ComfyUI, where nothing is installed or fetched, gets what the cut-outs are better with."""
    say("  Cut-outs of photographs are much better with networks that tell what is product. They need:")
    if lacks_libraries(python):
        say(f"    {python} -m pip install -r {project.pack / 'requirements.txt'}")
    say(f"    {project.python.relative_to(project.root)} {' '.join(_COMMAND)}")


def remove(project: Project) -> list[Path]:
    """Delete what was fetched by `install` and is as it was; what a person has put there stays, also in its place.

    Returns what could not be removed.
    """
    stuck: list[Path] = []
    listed = (project.root / "models_manifest.yaml").read_text(encoding="utf-8", errors="replace")
    for name, fetched in project.journal.facts.get(_STEP, {}).items():
        if isinstance(fetched, str):
            stuck += files.remove_unchanged(project.comfyui, {name: fetched}, 0.0)
        elif fetched and (project.comfyui / name).is_file():  # noted before there were hashes
            digest = files.sha256(project.comfyui / name)
            stuck += files.remove_unchanged(project.comfyui, {name: digest} if digest in listed else {}, 0.0)
    for folder in (project.comfyui / "models" / name for name in _FOLDERS):
        for left in folder.glob("*.fetch"):  # of a run that was killed
            stuck += files.remove(left)
        for lock in folder.glob("*.lock"):
            ours = {lock.name: files.sha256(lock)} if not lock.stat().st_size else {}
            stuck += files.remove_unchanged(folder, ours, 0.0)
    return stuck
