"""What a crash left behind: results the server made that nobody saw, and saves that were cut short here."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import NodeFailedError
from runner.execution.job import Attempt
from runner.execution.outputs import not_passed
from runner.files.drafts import is_draft
from runner.files.naming import RESULT_SUFFIXES, below
from runner.files.reading import read_text
from runner.files.verify import check_picture
from runner.server.client import ComfyClient, FileGoneError
from runner.server.records import JobRecord, JobStatus, ServerFile
from runner.untrusted import items, mapping, text

_MOST_FILES = 256
"""Results of one job that are looked for by name."""


def find_results(client: ComfyClient, attempt: Attempt) -> JobRecord | None:
    """The record of a job whose server has forgotten it, made up from the files it saved; None where that is not sure.

    Every job saves under a prefix of its own. Only results that consist of pictures of core's SaveImage can be found
    that way: other outputs, and what the nodes reported, are gone with the server's history, so such a job runs again.

    Raises ServerUnavailableError where the server went away meanwhile.
    """
    outputs: dict[str, Any] = {}
    for node_id in attempt.spec.outputs:
        node = attempt.graph.get(node_id) or {}
        prefix = (node.get("inputs") or {}).get("filename_prefix")
        if node.get("class_type") != "SaveImage" or not isinstance(prefix, str) or "%" in prefix:
            return None
        files = _saved_under(client, prefix)
        if not files:
            return None
        outputs[node_id] = {"images": [{"filename": f.filename, "subfolder": f.subfolder} for f in files]}
    if not outputs or _has_reports(attempt.graph):
        return None
    return JobRecord(attempt.prompt_id, JobStatus.COMPLETED, outputs)


def _has_reports(graph: Mapping[str, Any]) -> bool:
    """Whether nodes of the graph judge or describe: their words would be missing from the sidecar."""
    return any(str(node.get("class_type", "")).startswith(("Prodgen", "Preview")) for node in graph.values())


def _saved_under(client: ComfyClient, prefix: str) -> list[ServerFile]:
    """All files ComfyUI numbered under this prefix. Empty when there is none, or one of them is not whole."""
    folder, _, stem = prefix.replace("\\", "/").rpartition("/")
    files: list[ServerFile] = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(1, _MOST_FILES):
            file = ServerFile(f"{stem}_{number:05}_.png", folder)
            part = Path(scratch) / "found.png"
            try:
                with client.open_file(file) as chunks, part.open("wb") as stream:
                    for chunk in chunks:
                        stream.write(chunk)
                check_picture(part, ".png", file.filename)
            except FileGoneError:
                break
            except NodeFailedError:  # cut off in the middle: the server died while it wrote
                return []
            files.append(file)
    return files


@dataclass(frozen=True)
class LeftOver:
    """A job that was saved whole, without the ledger knowing."""

    sidecar: Path
    files: tuple[Path, ...]
    record: Mapping[str, Any]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The checks that it did not pass."""
        return not_passed(self.record)


def tidy(target: Path, prompt_id: str | None) -> LeftOver | None:
    """Put in order what a killed runner left of one job's saving.

    The sidecar is written last and before the first file gets its name: where it is there and names this job, the save
    is finished now; part files of anything less are removed.

    Args:
        target: where the result belongs, without extension. No other job has this name.
    """
    parts = [path for path in target.parent.glob("*.part") if _belongs(path.name[: -len(".part")], target.name)]
    for sidecar in _sidecars(target):
        record = read_record(sidecar)
        if record is None or prompt_id is None or record.get("prompt_id") != prompt_id:
            continue
        named = [text(mapping(item).get("file")) for item in items(record.get("files"))]
        files = [sidecar.parent / name for name in named if "/" not in name and below(sidecar.parent, name) is not None]
        if len(files) != len(named) or not all(
            path.exists() or path.with_name(path.name + ".part").exists() for path in files
        ):
            continue
        final = sidecar.with_name(sidecar.name.removesuffix(".part"))
        for path in [*files, final]:
            part = path.with_name(path.name + ".part")
            if part.exists() and not path.exists():
                part.replace(path)
        _remove(parts)
        return LeftOver(final, tuple(files), record)
    _remove(parts)
    return None


def done_before(out: Path, workflow: str) -> dict[str, LeftOver]:
    """What the `.json` files beside results say is done, by the job's key: all that is left where a ledger was lost."""
    results: dict[str, LeftOver] = {}
    for sidecar in sorted(out.rglob("*.json")):
        record = read_record(sidecar)
        batch = record.get("batch") if record is not None else None
        key = batch.get("key") if isinstance(batch, Mapping) else None
        if record is None or not isinstance(key, str) or record.get("workflow") != workflow:
            continue
        listed = record.get("files")
        names = [item.get("file") for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
        files = tuple(sidecar.parent / Path(name).name for name in names if isinstance(name, str))
        if files and len(files) == len(names) and all(path.is_file() for path in files):
            results[key] = LeftOver(sidecar, files, record)
    return results


def _belongs(name: str, stem: str) -> bool:
    """Whether a file of this name is the result called `stem`, its record, or what any file of it was fetched into:
    `bag.zip` is somebody's own."""
    base, _, kind = name.rpartition(".")
    is_numbered = kind.isdecimal()  # what earlier versions fetched into
    return base == stem and (f".{kind}" in RESULT_SUFFIXES or is_numbered or is_draft(f"{name}.part"))


def _sidecars(target: Path) -> list[Path]:
    possible = [target.with_name(f"{target.name}.json"), target.with_name(f"{target.name}.json.part")]
    possible += [
        target.with_name(f"{target.name}_{number}.json{end}") for number in range(2, 6) for end in ("", ".part")
    ]
    return [path for path in possible if path.is_file()]


def read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _remove(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
