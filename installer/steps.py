"""The steps of an installation. Each looks first whether it is already done, and can be interrupted and repeated."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from installer import comfyui as source
from installer import cutouts, files, own, pack, pythons
from installer.console import InstallError, Step, say
from installer.environment import is_unfinished, make_environment
from installer.journal import fingerprint
from installer.pip import TORCH
from installer.project import Project

GIB = 1024**3
SPACE_FOR_COMFYUI = 10 * GIB
SPACE_FOR_RUNNER = GIB // 4
SILENCE_S = 300.0
"""A first start that has written nothing for so long hangs; a slow one goes on writing."""


class Installer:
    """One run. Every step looks first whether it is already done."""

    def __init__(self, project: Project, chosen: argparse.Namespace, silence: float = SILENCE_S) -> None:
        self.project = project
        self.silence = silence
        self.chosen = chosen
        self.begin = time.monotonic()
        self.worked = False  # whether anything had to be done
        facts = project.journal.facts
        self.own_path: Path | None = chosen.comfyui
        if self.own_path is None and facts.get("own") and not (chosen.source or chosen.no_comfyui):
            self.own_path = Path(facts["own"]["path"])
            say(f"Using your ComfyUI in {self.own_path}, as chosen before (--source package installs a separate one).")
        self.managed = self.own_path is None and not chosen.no_comfyui

    def _leave_the_former(self, comfyui: Path | None) -> None:
        """Take the nodes out of somebody's ComfyUI that is no longer the one to use."""
        former = (self.project.journal.facts.get("own") or {}).get("path")
        if former and (comfyui is None or Path(former) != comfyui) and pack.unlink(self.project.pack, Path(former)):
            say(f"- took the nodes out of {former}")

    def run(self) -> int:
        """All steps, in order."""
        if self.own_path is not None:
            # Looked at first: a wrong path should not cost minutes.
            comfyui = own.locate(self.own_path)
            recorded = self.project.journal.facts.get("own") or {}
            named = self.chosen.python
            if named is None and recorded.get("path") == str(comfyui):
                named = Path(recorded["python"])
            python = own.find_python(comfyui, named)
            if self.chosen.extras:
                raise InstallError(
                    "--with adds nodes to the ComfyUI installed here, and yours is left as it is.",
                    "Add comfyui_controlnet_aux with your ComfyUI's own manager.",
                    usage=True,
                )
        elif self.chosen.extras and not self.managed:
            raise InstallError("--with needs a ComfyUI here.", "Leave out --no-comfyui.", usage=True)
        self._environment()
        self._runner()
        if self.own_path is not None:
            self._own(comfyui, python)
        elif self.managed:
            self._comfyui()
        shutil.rmtree(self.project.scratch, ignore_errors=True)
        if self.chosen.models:
            self._models()
        self._farewell()
        return 0

    def _environment(self) -> None:
        """`.venv`: made new if it is not there, does not start, or is too new for torch."""
        project, facts = self.project, self.project.journal.facts
        begun = is_unfinished(project.venv)
        existing = pythons.ask([str(project.python)]) if project.python.is_file() and not begun else None
        self._check_space(existing is not None)
        if existing is not None and not pythons.objection(existing, for_torch=self.managed):
            if facts.get("environment") is None:
                say(f"Using the environment that is already in {project.venv}.")
                project.journal.remember(environment={"id": fingerprint(time.time_ns()), "ours": False})
            if facts["environment"].get("complete", True):
                return
        if project.venv.exists() and not project.owns_environment():
            raise InstallError(
                f"{project.venv} is there, was not made by this command, and will not do"
                + (f" ({existing.name}: {pythons.objection(existing, for_torch=self.managed)})." if existing else "."),
                "Move it away and run the same command again.",
            )
        python = pythons.choose(for_torch=self.managed)
        self.worked = True
        with Step(f"Environment in .venv ({python.name})"):
            record = {"id": fingerprint(time.time_ns()), "ours": True, "complete": False}
            project.journal.remember(environment=record)
            make_environment(python, project.venv, project.children)
            project.journal.remember(environment={**record, "complete": True})

    def _check_space(self, environment_exists: bool) -> None:
        free = shutil.disk_usage(self.project.root).free
        libraries_there = environment_exists and "libraries" in self.project.journal.steps
        needed = SPACE_FOR_COMFYUI if self.managed and not libraries_there else SPACE_FOR_RUNNER
        if environment_exists and "runner" in self.project.journal.steps and needed == SPACE_FOR_RUNNER:
            return
        if free < needed:
            raise InstallError(
                f"There is not enough room: {free / GIB:.1f} GB are free in {self.project.root}, "
                f"and this takes about {needed / GIB:.1f} GB.",
                "Free some space, or put the project on a larger disk; nothing was changed. "
                + ("A server on another machine needs only 0.3 GB here: --no-comfyui" if self.managed else ""),
            )

    def _runner(self) -> None:
        project = self.project
        facts = project.journal.facts
        dev = self.chosen.dev or bool(facts.get("dev"))
        stamp = fingerprint(project.environment_id, project.root, dev, (project.root / "pyproject.toml").read_bytes())
        if project.journal.is_done("runner", stamp) and self._runner_imports():
            return
        self.worked = True
        what = f"{project.root}[dev]" if dev else str(project.root)
        with Step("Runner and test tools" if dev else "Runner") as step:
            project.pip.run(["install", "--editable", what], step)
        project.journal.remember(dev=dev)
        project.journal.done("runner", stamp)

    def _runner_imports(self) -> bool:
        check = [str(self.project.python), "-c", "import runner, requests, websocket, yaml, rich, PIL, numpy"]
        return subprocess.run(check, cwd=self.project.state, capture_output=True, check=False).returncode == 0

    def _comfyui(self) -> None:
        """The ComfyUI of this project: source, libraries, nodes; then it is started once to see that it works."""
        project = self.project
        journal = project.journal
        origin = self.chosen.source or journal.facts.get("source") or "package"
        version = self.release(origin)
        stamp = fingerprint(origin, version, source.ARCHIVE_SHA256)
        if not journal.is_done("source", stamp) or source.version_of(project.comfyui) != version:
            self._source(origin, version)
            journal.remember(source=origin, version=version)
            journal.done("source", stamp)
        wanted = project.comfyui / "requirements.txt"
        stamp = fingerprint(project.environment_id, TORCH, wanted.read_bytes())
        if not journal.is_done("libraries", stamp) or not self._has_torch():
            self._libraries(wanted)
            journal.done("libraries", stamp)
        self._pack_libraries()
        for extra in self.chosen.extras:
            self._extra(extra)
        pack.link(project.pack, project.comfyui, relative=True)
        stamp = fingerprint(journal.steps["source"], journal.steps["libraries"], journal.steps["pack"])
        if not journal.is_done("started", stamp):
            self.start_once(project.comfyui, project.python)
            journal.done("started", stamp)
        self._leave_the_former(None)
        journal.remember(own=None)
        project.record(Path(".comfyui/ComfyUI"), project.python.relative_to(project.root), version, managed=True)
        self._learned_cutouts()

    def release(self, origin: str) -> str:
        """The release to install: as asked now, as chosen before, or the pinned one."""
        if origin != "git":
            return source.VERSION
        if self.chosen.version == source.NEWEST:
            return source.newest_release(source.GIT_REPOSITORY, self.project.children)
        before = None if self.chosen.source else self.project.journal.facts.get("version")
        return str(self.chosen.version or before or source.VERSION)

    def _source(self, origin: str, version: str) -> None:
        project = self.project
        self.worked = True
        project.install_record.unlink(missing_ok=True)  # `serve` must not start a tree that is being changed
        fresh = project.state / "ComfyUI.part"
        with Step(f"ComfyUI {version}") as step:
            if origin == "git":
                source.clone(source.GIT_REPOSITORY, f"v{version}", fresh, project.children)
                if source.version_of(fresh) != version:
                    raise InstallError("The tag does not hold the version it names.", "Leave out --source git.")
            else:
                downloads = project.state / "download"
                source.unpack(source.fetch_package(downloads, project.pip, step), fresh)
                shutil.rmtree(downloads)
            for photo in (project.root / "examples").glob(
                "*.jpg"
            ):  # what the workflows name until a person picks a photo
                shutil.copy2(photo, fresh / "input" / photo.name)
            source.put_in_place(fresh, project.comfyui, project.manifest)

    def _libraries(self, wanted: Path) -> None:
        """torch and the rest in one pip call: asked one after the other, pip would replace the pinned torch."""
        self.worked = True
        self.project.install_record.unlink(missing_ok=True)
        self.project.journal.forget("started")
        with Step("ComfyUI's libraries (6 GB, some minutes)") as step:
            self.project.pip.run(["install", *TORCH, "-r", str(wanted)], step)

    def _pack_libraries(self) -> None:
        """What the nodes need and ComfyUI does not; as its manager would install it from the same file."""
        project = self.project
        wanted = project.pack / "requirements.txt"
        stamp = fingerprint(project.environment_id, project.journal.steps["libraries"], wanted.read_bytes())
        if project.journal.is_done("pack", stamp) and not cutouts.lacks_libraries(project.python):
            return
        self.worked = True
        with Step("Libraries of the nodes") as step:
            project.pip.run(["install", *TORCH, "-r", str(wanted)], step)
        project.journal.done("pack", stamp)

    def _learned_cutouts(self) -> None:
        """The networks of the cut-out. Without them cut-outs still work, so nothing fails here."""
        if cutouts.are_installed(self.project):
            return
        self.worked = cutouts.install(self.project) or self.worked

    def _has_torch(self) -> bool:
        question = "from importlib.metadata import version; print(version('torch').split('+')[0])"
        answer = subprocess.run([str(self.project.python), "-c", question], capture_output=True, text=True, check=False)
        return answer.stdout.strip() == TORCH[0].partition("==")[2]

    def _extra(self, name: str) -> None:
        project = self.project
        stamp = fingerprint(project.environment_id, source.CONTROLNET_AUX_COMMIT)
        place = project.comfyui / "custom_nodes" / "comfyui_controlnet_aux"
        if project.journal.is_done(name, stamp) and place.is_dir():
            return
        if place.exists() and name not in project.journal.steps:
            raise InstallError(f"{place} is already there.", "It needs no --with; or move it away and run this again.")
        self.worked = True
        with Step("comfyui_controlnet_aux") as step:
            fresh = project.state / "controlnet_aux.part"
            source.clone(source.CONTROLNET_AUX_REPOSITORY, source.CONTROLNET_AUX_COMMIT, fresh, project.children)
            project.pip.run(["install", *TORCH, "-r", str(fresh / "requirements.txt")], step)
            files.write_list(project.state / "controlnet_aux.txt", files.files_of(fresh))
            if place.exists():
                shutil.rmtree(place)
            fresh.rename(place)
        project.journal.done(name, stamp)

    def _own(self, comfyui: Path, python: Path) -> None:
        """Somebody's own ComfyUI: the nodes are linked in, nothing else is touched."""
        project = self.project
        version = source.version_of(comfyui) or ""
        self._leave_the_former(comfyui)
        how = pack.link(project.pack, comfyui, relative=False)
        project.journal.remember(own={"path": str(comfyui), "python": str(python)})
        stamp = fingerprint(comfyui, python, version, how)
        if not project.journal.is_done("own", stamp):
            self.start_once(comfyui, python)
            project.journal.done("own", stamp)
            say(f"- The nodes are in {comfyui / 'custom_nodes' / pack.NAME} ({how}).")
            say("  If that ComfyUI is running, restart it.")
            cutouts.explain(self.project, python)
        project.record(comfyui, python, version, managed=False)

    def start_once(self, comfyui: Path, python: Path) -> None:
        """Start ComfyUI with these nodes up to the point where it would listen, in a scratch folder of its own."""
        self.worked = True
        with Step("First start, to see that it works"), tempfile.TemporaryDirectory(prefix="prodgen-") as scratch:
            pack.link(self.project.pack, Path(scratch), relative=False)
            command = [str(python), "main.py", "--cpu", "--quick-test-for-ci", "--base-directory", scratch]
            command += ["--database-url", "sqlite:///:memory:", "--disable-api-nodes", "--disable-all-custom-nodes"]
            command += ["--whitelist-custom-nodes", pack.NAME]
            environment = pythons.clean_environment()
            if not self.managed:
                environment["PYTHONDONTWRITEBYTECODE"] = "1"  # not a file of ours in somebody's own ComfyUI
            tried = self.project.children.run(command, cwd=comfyui, environment=environment, silence=self.silence)
            if tried.silent:
                raise InstallError(
                    f"ComfyUI hangs while it starts: it has written nothing for {self.silence:.0f} s, so it was ended. "
                    f"Its last lines:\n{_tail(tried.output)}",
                    f"Start it by hand to see what it waits for: {python} {comfyui / 'main.py'}",
                )
            if tried.code != 0 or "IMPORT FAILED" in tried.output:
                if self.managed:
                    self.project.journal.forget("libraries", "source")
                raise InstallError(
                    f"ComfyUI does not start with these nodes:\n{_tail(tried.output)}",
                    f"Run the same command again: it repairs an incomplete installation. The log is {self.project.log}"
                    if self.managed
                    else f"Check that {python} is the Python that runs it, and that its requirements are installed.",
                )

    def _models(self) -> None:
        command = [str(self.project.python), "-m", "runner", "models", "download", "--for", self.chosen.models]
        self.worked = True
        code = subprocess.run(command, cwd=self.project.root, check=False).returncode
        if code != 0:
            raise InstallError(
                f"The models of {self.chosen.models} could not all be downloaded (see above).",
                "Everything else is installed. Run the same command again: downloads go on where they stopped.",
            )

    def _farewell(self) -> None:
        seconds = time.monotonic() - self.begin
        if self.worked:
            say(f"\nDone in {seconds:.0f} s.")
        else:
            say(f"Everything is already installed; nothing to do ({seconds:.1f} s).")
        python = self.project.python.relative_to(self.project.root)
        run = f"{python} -m runner submit packshot --image examples/handbag.jpg"
        if self.chosen.no_comfyui:
            say("The server you use needs the nodes, too: put custom_nodes/prodgen_nodes into its custom_nodes folder.")
            run += " --server http://HOST:8188"
        if self.managed and os.name == "nt" and shutil.which("nvidia-smi"):
            say(
                "On Windows this torch runs on the CPU. To use your GPU, install ComfyUI's own Windows package and run:"
            )
            say("  python install.py --comfyui PATH_OF_THAT_PACKAGE")
        say(f"Next: {run}")
        if self.chosen.dev:
            say(f"Tests: {python} -m pytest")


def _tail(output: str) -> str:
    return "\n".join(f"    {line}" for line in output.strip().splitlines()[-15:]) or "    (none)"
