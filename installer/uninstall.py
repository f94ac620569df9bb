"""Removing what the installer made, and only that."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from installer import comfyui as source
from installer import cutouts, pack
from installer.console import Step, say
from installer.project import Project
from runner import serve


def uninstall(project: Project) -> int:
    """Stop our server, take the nodes out of every ComfyUI they were linked into, remove environment and ComfyUI.

    Models, pictures, workflows and other nodes that somebody put into ComfyUI's folders stay and are named.
    """
    facts = project.journal.facts
    serve.stop_server(say=lambda _line: None, place=serve.Place(project.root))
    if facts.get("own"):
        theirs = Path(facts["own"]["path"])
        if pack.unlink(project.pack, theirs):
            say(f"- took the nodes out of {theirs}")
    kept: list[Path] = []
    if project.comfyui.is_dir():
        with Step("Removing ComfyUI"):
            pack.unlink(project.pack, project.comfyui)
            if "controlnet-aux" in project.journal.steps:
                shutil.rmtree(project.comfyui / "custom_nodes" / "comfyui_controlnet_aux", ignore_errors=True)
            cutouts.remove(project)
            kept = source.remove(project.comfyui, project.manifest)
    if project.owns_environment() and project.venv.exists():
        with Step("Removing .venv"):
            shutil.rmtree(project.venv)
    shutil.rmtree(project.root / "prodgen.egg-info", ignore_errors=True)
    for entry in project.state.iterdir():
        if entry.is_dir() and (entry != project.comfyui or not kept):
            shutil.rmtree(entry)
        elif entry.is_file() and entry != project.lock:
            entry.unlink()
    with contextlib.suppress(OSError):  # Windows keeps the lock's file for as long as this process holds it
        project.lock.unlink()
        project.state.rmdir()
    if kept:
        size = sum(path.lstat().st_size for path in kept) / 1e9
        say(f"- kept {len(kept)} files of yours ({size:.1f} GB), for example {kept[0].relative_to(project.root)};")
        say(f"  delete {project.comfyui.relative_to(project.root)} if you do not need them.")
    say("prodgen is uninstalled. Your results in outputs/ and this folder are as they were.")
    return 0
