"""Removing what the installer made, and only that."""

from __future__ import annotations

import contextlib
from pathlib import Path

from installer import comfyui as source
from installer import cutouts, files, pack
from installer.console import Step, say
from installer.environment import MARK
from installer.project import Project
from runner.local_server import lifecycle as serve

_OURS = (
    "journal.json", "install.json", "install.log", "files.txt", "controlnet_aux.txt", "server.json", "server.log",
    "server.lock", "download", "tmp", "ComfyUI.part", "controlnet_aux.part",
)  # fmt: skip
"""What lies in `.comfyui` beside ComfyUI itself, and drafts of it."""
_MOST_NAMED = 20


def uninstall(project: Project) -> int:
    """Stop our server, take the nodes out of every ComfyUI they were linked into, remove environment and ComfyUI.

    What this command did not make, or what was changed since, stays and is named; so does what may not be removed.
    """
    stuck: list[Path] = []
    facts = project.journal.facts
    serve.stop_server(say=lambda _line: None, home=serve.Home(project.root))
    if facts.get("own"):
        theirs = Path(facts["own"]["path"])
        if pack.unlink(project.pack, theirs):
            say(f"- took the nodes out of {theirs}")
    if project.comfyui.is_dir():
        with Step("Removing ComfyUI"):
            pack.unlink(project.pack, project.comfyui)
            stuck += _remove_controlnet_aux(project)
            stuck += cutouts.remove(project)
            stuck += source.remove(project.comfyui, project.manifest)
    kept = _remove_environment(project, stuck)
    stuck += files.remove(project.root / "prodgen.egg-info")
    if stuck:  # what is ours is still to be known when it is run again
        return _say_stuck(stuck)
    for name in _OURS:
        stuck += files.remove(project.state / name)
        stuck += files.remove(project.state / f"{name}.part")
    if stuck:
        return _say_stuck(stuck)
    if project.comfyui.is_symlink():
        say(f"- {project.comfyui} is a link of yours: it stays, as does what it leads to.")
    with contextlib.suppress(OSError):  # Windows keeps the lock's file for as long as this process holds it
        project.lock.unlink()
        project.state.rmdir()
    kept += [path for path in files.left_in(project.state) if path != project.lock] if project.state.is_dir() else []
    if kept:
        size = sum(path.lstat().st_size for path in kept) / 1e9
        say(f"- kept {len(kept)} files that this command did not make or that were changed since ({size:.1f} GB):")
        _say_paths([path.relative_to(project.root) for path in kept])
        say("  Delete them if you do not need them.")
    say("prodgen is uninstalled. Your results in outputs/ and this folder are as they were.")
    return 0


def _say_paths(paths: list[Path]) -> None:
    for path in paths[:_MOST_NAMED]:
        say(f"    {path}")
    if len(paths) > _MOST_NAMED:
        say(f"    … and {len(paths) - _MOST_NAMED} more")


def _say_stuck(stuck: list[Path]) -> int:
    """Name what may not be removed; returns the exit code."""
    say(f"\nStopped: no permission to remove {len(stuck)} of the files that this command made:")
    _say_paths(stuck)
    say("  Next: allow yourself to write to their folders and run the same command again: it goes on where it stopped.")
    return 1


def _remove_controlnet_aux(project: Project) -> list[Path]:
    """The nodes that `--with` added; what they have downloaded since stays."""
    place, listed = project.comfyui / "custom_nodes" / "comfyui_controlnet_aux", project.state / "controlnet_aux.txt"
    if "controlnet-aux" not in project.journal.steps or place.is_symlink() or not place.is_dir():
        return []
    stuck = files.remove_unchanged(place, files.read_list(listed), 0.0)
    if files.read_list(listed):  # empty: added before there was a list
        stuck += files.remove(place / ".git")
    return stuck


def _remove_environment(project: Project, stuck: list[Path]) -> list[Path]:
    """Remove `.venv` where it was made here; returns what stays instead. `stuck` gets what may not be removed."""
    if project.venv.is_symlink():
        target = project.venv.resolve()
        project.venv.unlink()
        say(f"- took away the link .venv; the environment it led to stays: {target}")
    elif project.venv.is_dir() and project.owns_environment():
        with Step("Removing .venv"):
            for entry in sorted(project.venv.iterdir()):
                stuck += files.remove(entry) if entry.name != MARK else []  # it says whose the rest is, to the end
            stuck += files.remove(project.venv) if not stuck else []
    elif project.venv.exists():
        return [project.venv]
    return []
