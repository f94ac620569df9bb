"""The runner's command line as a user sees it: exit code, standard output, standard error, files."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from runner.__main__ import main
from tests.support.comfy import REPO

Graph = dict[str, dict[str, Any]]


@dataclass
class Run:
    """One finished command."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == kind]

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    @property
    def pictures(self) -> list[Path]:
        return [path for path in self.files if path.suffix != ".json"]

    @property
    def sidecars(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text(encoding="utf-8")) for path in self.files if path.suffix == ".json"]


@dataclass
class Desk:
    """A folder to work in: writes workflows and photos, runs commands on one server."""

    folder: Path
    url: str
    out: Path = field(init=False)

    def __post_init__(self) -> None:
        self.out = self.folder / "out"

    def workflow(self, graph: Graph, name: str = "job") -> str:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(graph), encoding="utf-8")
        return str(path)

    def photo(self, name: str = "photo.png", size: tuple[int, int] = (48, 32), seed: int = 0) -> Path:
        path = self.folder / name
        pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    def arguments(self, workflow: str | Graph, *more: str | Path, out: Path | None = None) -> list[str]:
        spec = workflow if isinstance(workflow, str) else self.workflow(workflow)
        return ["submit", spec, "--server", self.url, "--out", str(out or self.out), *map(str, more)]

    def submit(self, workflow: str | Graph, *more: str | Path, out: Path | None = None) -> Run:
        return command(*self.arguments(workflow, *more, out=out), folder=out or self.out)

    def start(self, workflow: str | Graph, *more: str | Path) -> subprocess.Popen[str]:
        return start_command(*self.arguments(workflow, *more))


def command(*arguments: str, folder: Path) -> Run:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as left:  # argparse
            code = int(left.code or 0)
    return Run(code, out.getvalue(), err.getvalue(), folder)


def start_command(*arguments: str) -> subprocess.Popen[str]:
    """Start a command in a process of its own: for signals."""
    # Tests that run in the background of a shell inherit an ignored SIGINT, and the runner would respect that.
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from runner.__main__ import main; sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", start, *arguments],
        cwd=REPO,
        env=os.environ.copy(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def node(kind: str, title: str | None = None, **inputs: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"class_type": kind, "inputs": inputs}
    if title is not None:
        made["_meta"] = {"title": title}
    return made


def inverting(**more: dict[str, Any]) -> Graph:
    """Photo in, inverted photo out; all from ComfyUI's core."""
    return {
        "1": node("LoadImage", "input: image", image="none.png"),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("SaveImage", "output: result", images=["2", 0], filename_prefix="inverted"),
        **more,
    }


def copying() -> Graph:
    """Photo in, photo out."""
    return {
        "1": node("LoadImage", "input: image", image="none.png"),
        "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="copied"),
    }


def flat(colour: int, size: int = 32) -> Graph:
    """One colour, saved."""
    return {
        "1": node("EmptyImage", width=size, height=size, batch_size=1, color=colour),
        "2": node("SaveImage", "output: result", images=["1", 0], filename_prefix="flat"),
    }


def slow(links: int = 40, size: int = 512, seed: int = 0) -> Graph:
    """A chain of blurs of roughly 0.1 s each, which can be interrupted between any two; `seed` defeats the cache."""
    graph: Graph = {"0": node("EmptyImage", width=size, height=size, batch_size=1, color=seed & 0xFFFFFF | 0x404040)}
    for number in range(1, links + 1):
        sigma = 5 + number / 100 + (seed % 97) / 10_000
        graph[str(number)] = node("ImageBlur", image=[str(number - 1), 0], blur_radius=31, sigma=sigma)
    graph["99"] = node("SaveImage", "output: result", images=[str(links), 0], filename_prefix="slow")
    return graph


def pixels(path: Path, mode: str = "RGB") -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode))
