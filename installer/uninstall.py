"""Removing what the installer made, and only that."""

from __future__ import annotations

import shutil
from pathlib import Path

from installer import comfyui as source
from installer import pack
from installer.console import say
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
        pack.unlink(project.pack, project.comfyui)
        if "controlnet-aux" in project.journal.steps:
            shutil.rmtree(project.comfyui / "custom_nodes" / "comfyui_controlnet_aux", ignore_errors=True)
        kept = source.remove(project.comfyui, project.manifest)
        say("- removed ComfyUI")
    if (facts.get("environment") or {}).get("ours") and project.venv.exists():
        shutil.rmtree(project.venv)
        say("- removed .venv")
    shutil.rmtree(project.root / "prodgen.egg-info", ignore_errors=True)
    if kept:
        for entry in project.state.iterdir():
            if entry == project.comfyui:
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        size = sum(path.lstat().st_size for path in kept) / 1e9
        say(f"- kept {len(kept)} files of yours ({size:.1f} GB), for example {kept[0].relative_to(project.root)};")
        say(f"  delete {project.comfyui.relative_to(project.root)} if you do not need them.")
    else:
        shutil.rmtree(project.state)
    say("prodgen is uninstalled. Your results in outputs/ and this folder are as they were.")
    return 0
