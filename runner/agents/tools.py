"""What an agent may ask of the desk. Photos are read from folders that a person has allowed, and from nowhere else."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.desk.desk import Desk
from runner.desk.shots import Shot
from runner.errors import PhotoError, UsageError
from runner.execution.attachments import input_of
from runner.files.paths import expanded, is_a_file, is_within, may_be_a_file, own_path
from runner.photos.prepare import prepare_photo
from runner.report.small import small_copy
from runner.workflow.described import as_dict, named_inputs
from runner.workflow.graph import Workflow
from runner.workflow.index import read_index
from runner.workflow.load import WORKFLOWS_DIR, available_workflows, bundled, load_workflow
from runner.workflow.schema import recorded_object_info

PREVIEW_SIDE = 512
"""Longest side in pixels of the pictures in an answer: enough to judge by, little to send."""
MOST_PHOTOS = 200
"""Photos of one order: more are a batch, for which there is a command."""
LONGEST_WAIT_S = 50.0
"""Seconds that an answer may wait for a job: below what clients wait for an answer."""
CHECK = "check"
"""The workflow that compares a picture with the product's photo."""


class Tools:
    """`roots`: the folders that photos may lie in; the first one is where paths begin that begin nowhere."""

    def __init__(self, desk: Desk, roots: Sequence[Path]) -> None:
        self._desk, self._roots = desk, [own_path(root) for root in roots]

    def workflows(self) -> list[dict[str, Any]]:
        """What can be made: name, version, what comes out, and why the server cannot make it where it cannot."""
        index = read_index()
        problems = {option.workflow: option for option in self._desk.options() if option.problem}
        rows = []
        for name, versions in available_workflows().items():
            row = {"name": name, "version": versions[-1], "makes": index.titles.get(name, "")}
            row["makes"] = row["makes"] or index.purposes.get(f"{name}.v{versions[-1]}", "")
            if name in problems:
                row |= {"problem": problems[name].problem, "remedy": problems[name].remedy}
            rows.append(row)
        return rows

    def inputs(self, workflow: str) -> list[dict[str, Any]]:
        """What can be set. Raises WorkflowError where there is no such workflow."""
        loaded = self._bundled(workflow)
        recorded = recorded_object_info(WORKFLOWS_DIR)
        told = read_index().inputs.get(loaded.label, {})
        rows = []
        for spec in named_inputs(loaded, recorded):
            row = {key: value for key, value in as_dict(spec).items() if key not in ("sets", "type_from")}
            rows.append({**row, "help": told.get(spec.name) or spec.help or ""})
        return rows

    def submit(self, workflow: str, photos: Sequence[str], values: Mapping[str, Any]) -> dict[str, Any]:
        """Hand photos in, a job each; a photo that cannot be used is told, and the others are made.

        Raises UsageError where nothing could be handed in.
        """
        loaded = self._bundled(workflow)
        if len(photos) > MOST_PHOTOS:
            raise UsageError(f"{len(photos)} photos are more than {MOST_PHOTOS}.", advice="Hand them in by and by.")
        given, files = self._values(loaded, values)
        takes_photo = bool(loaded.image_inputs(recorded_object_info(WORKFLOWS_DIR)))
        if takes_photo and not photos:
            raise UsageError(f"{loaded.name} needs a photo.")
        jobs: list[dict[str, str]] = []
        refused: list[dict[str, str]] = []
        for photo in photos if takes_photo else [None]:
            try:
                path = None if photo is None else self._photo(photo)
                name = "" if path is None else path.name
                jobs.append({"id": self._desk.order(loaded.label, path, given, files), "photo": name})
            except PhotoError as error:
                refused.append({"photo": str(photo), "why": str(error)})
        if refused and not jobs:
            raise PhotoError("\n".join(one["why"] for one in refused))
        return {"jobs": jobs, "refused": refused}

    def status(self, ids: Sequence[str] = ()) -> dict[str, Any]:
        """How each job stands (all of them, the newest first, where none is named), and the server."""
        snapshot = self._desk.snapshot()
        shown = ("id", "name", "workflow", "state", "doing", "why")
        known = {shot.id for shot, _ in snapshot.shots}
        return {
            "server": {"state": snapshot.standing.server, "says": snapshot.standing.said},
            "jobs": [
                {key: data[key] for key in shown if data[key]}
                for shot, data in snapshot.shots
                if not ids or shot.id in ids
            ],
            "unknown": [one for one in ids if one not in known],
        }

    def shot(self, number: str) -> tuple[Shot, dict[str, Any]]:
        """One job as it stands. Raises UsageError where there is none."""
        for shot, data in self._desk.snapshot().shots:
            if shot.id == number:
                return shot, dict(data)
        raise UsageError(f"there is no job {number[:80]!r}.", advice="status lists them.")

    @property
    def revision(self) -> int:
        """Another number whenever something has changed."""
        return self._desk.revision

    def has_ended(self, number: str) -> bool:
        """Whether there is no more to wait for. Raises UsageError where there is no such job."""
        return self.shot(number)[0].has_ended

    def result(self, number: str) -> tuple[dict[str, Any], list[bytes]]:
        """What became of a job, and small copies (JPEG) of its pictures: the result, then the cut-out."""
        shot, data = self.shot(number)
        keys = ("id", "name", "workflow", "state", "doing", "why", "advice", "trust", "rules", "attempts")
        data |= {"advice": shot.advice}  # an agent sets inputs; who sits before the page paints
        summary = {key: data[key] for key in keys if data[key] not in ("", None, [])}
        summary["files"] = [str(own_path(path)) for path in shot.pictures()]
        shown = [shot.result(), shot.cutout()]
        pictures = [preview(path) for path in dict.fromkeys(shown) if path is not None]
        return summary, [picture for picture in pictures if picture is not None]

    def check(self, photo: str, picture: str, channel: str = "") -> str:
        """Ask whether the product in a picture still is the one of the photo; the job's id."""
        values = {"photo": photo, **({"channel": channel} if channel else {})}
        return str(self.submit(CHECK, [picture], values)["jobs"][0]["id"])

    @staticmethod
    def has_check() -> bool:
        return CHECK in available_workflows()

    def _bundled(self, name: str) -> Workflow:
        """A file of somebody's own is not run: it may name any file of this machine."""
        if bundled(name) is None or "/" in name or "\\" in name:
            raise UsageError(f"there is no workflow called {name[:80]!r}.", advice="workflows lists them.")
        return load_workflow(name)

    def _values(self, workflow: Workflow, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Path]]:
        """The values, and those of them that are files of this machine."""
        recorded = recorded_object_info(WORKFLOWS_DIR)
        values: dict[str, Any] = {}
        files: dict[str, Path] = {}
        for name, value in given.items():
            if not isinstance(value, (str, int, float, bool)):
                raise UsageError(f"{name}: a value is a text, a number or true or false.")
            spec = input_of(workflow, name, recorded)
            if spec is None or not spec.is_file or value in (spec.options or ()):
                values[name] = value
            elif isinstance(value, str):
                files[name] = self._photo(value)
            else:
                raise UsageError(f"{name}: {value!r} is no path of a file.")
        return values, files

    def _photo(self, text: str) -> Path:
        """Raises PhotoError where it is no photo, or none in an allowed folder."""
        if not may_be_a_file(Path(text)):
            raise PhotoError(f"{text}: no file can be called that.")
        named = expanded(text)
        path = named if named.is_absolute() else self._roots[0] / named
        if not any(is_within(path, root) for root in self._roots):
            raise PhotoError(
                f"{text}: lies in no folder that was allowed.",
                advice=f"Allowed: {', '.join(map(str, self._roots))} (option --root of the command).",
            )
        if not is_a_file(path):
            raise PhotoError(f"{text}: there is no such file.")
        prepare_photo(path)
        return own_path(path)


def preview(path: Path) -> bytes | None:
    """A small JPEG of a picture, on white; None where it shows nothing."""
    small = small_copy(path, PREVIEW_SIDE)
    if small is None:
        return None
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(small.address.partition(",")[2]))) as opened:
        picture = opened.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    written = io.BytesIO()
    flat.save(written, "JPEG", quality=85)
    return written.getvalue()
