"""Where candidates lie: their folder, the table of verdicts, and the copy of the one that is chosen."""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.best_of.candidate import Candidate
from runner.data import to_json
from runner.execution.save import Abort, NotSavedError, SavedFile, SavedJob, reserve
from runner.files import spreadsheet
from runner.files.reading import read_text
from runner.files.whole import written_whole

TABLE = "candidates.csv"
SHEET = "contact_sheet.jpg"
_FIRST = ("index", "seed", "prompt_id", "verdict", "score")
_LAST = ("reasons", "file", "chosen")


@dataclass(frozen=True)
class Folder:
    """`<out>/<stem>_candidates/`, made new: candidates of another run are never mixed in."""

    out: Path
    path: Path

    @classmethod
    def make(cls, out: Path, stem: Path) -> Folder:
        """Raises NotSavedError when it cannot be made."""
        number = 1
        while True:
            name = f"{stem.name}_candidates" + (f"_{number}" if number > 1 else "")
            path = out / stem.with_name(name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.mkdir()
            except FileExistsError:
                number += 1
            except OSError as error:
                raise _not_written(path, error) from error
            else:
                return cls(out, path)

    def stem(self, number: int, seed: int | None) -> Path:
        """What a candidate's files are called, below `out` and without extension."""
        return self.path.relative_to(self.out) / f"{number:02d}_seed{seed}"

    def write_table(self, candidates: Iterable[Candidate], chosen: Candidate | None = None) -> None:
        """The table as it stands: one row a candidate, one column a figure. Whole or not at all."""
        rows = [_row(candidate, candidate is chosen) for candidate in sorted(candidates, key=lambda c: c.number)]
        figures = list(dict.fromkeys(name for row in rows for name in row if name not in (*_FIRST, *_LAST)))
        target = self.path / TABLE
        try:
            with written_whole(target, errors="backslashreplace", newline="") as stream:
                writer = csv.writer(stream)
                columns = [*_FIRST, *figures, *_LAST]
                writer.writerow(spreadsheet.cell(name) for name in columns)
                writer.writerows([spreadsheet.cell(row.get(name, "")) for name in columns] for row in rows)
        except OSError as error:
            raise _not_written(target, error) from error

    def remove_if_empty(self) -> None:
        with contextlib.suppress(OSError):
            self.path.rmdir()


def copy_result(saved: SavedJob, target: Path, note: Mapping[str, Any]) -> SavedJob:
    """Copy a candidate's files and record to `target` (no extension; numbered when taken), the record with `note`.

    Raises NotSavedError.
    """
    own = saved.sidecar.name.removesuffix(".json")
    endings = [file.path.name.removeprefix(own) for file in saved.files]
    abort = Abort()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        finals, parts = reserve(target, lambda stem: [f"{stem}{end}" for end in [*endings, ".json"]], abort)
        for file, part in zip(saved.files, parts[:-1], strict=True):
            shutil.copyfile(file.path, part)
        record = json.loads(read_text(saved.sidecar))
        for entry, final in zip(record["files"], finals[:-1], strict=True):
            entry["file"] = final.name
        record["best_of"] = dict(note)
        parts[-1].write_text(to_json(record, indent=2) + "\n", encoding="utf-8")
        for part, final in zip(parts, finals, strict=True):
            part.replace(final)
            abort.parts.discard(part)
    except OSError as error:
        raise _not_written(target, error) from error
    finally:
        abort.remove_parts()
    files = tuple(
        SavedFile(final, file.output, file.node_id, file.size)
        for file, final in zip(saved.files, finals[:-1], strict=True)
    )
    return SavedJob(files, finals[-1], saved.warnings, saved.reports, saved.doubts)


def _row(candidate: Candidate, chosen: bool) -> dict[str, Any]:
    return {
        "index": candidate.number,
        "seed": candidate.seed,
        "prompt_id": candidate.result.prompt_id,
        "verdict": candidate.verdict,
        "score": candidate.score,
        **dict(_figures(candidate)),
        "reasons": " | ".join(candidate.reasons),
        "file": " | ".join(file.path.name for file in candidate.saved.files) if candidate.saved else "",
        "chosen": "yes" if chosen else "",
    }


def _figures(candidate: Candidate) -> Iterator[tuple[str, Any]]:
    names: set[str] = set()
    for gate in candidate.gates:
        prefix = gate.name if gate.name not in names else f"{gate.name} ({gate.node_id})"
        names.add(gate.name)
        if gate.passed is not None:
            yield f"{prefix}.passed", gate.passed
        for figure in gate.figures:
            yield f"{prefix}.{figure.name}", figure.value


def _not_written(path: Path, error: OSError) -> NotSavedError:
    return NotSavedError(
        f"{error.filename or path} could not be written: {error.strerror or error}.",
        advice="Make room or choose another --out.",
    )
