"""A training on a server, save by save: each stretch is a job that ends with a LoRA and a sample.

A stretch goes on where the last one ended, whoever ended it: the server knows what it saved. Here, a stretch whose LoRA
and sample are there is done; so the same command goes on after anything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.errors import NodeFailedError, WorkflowRejectedError
from runner.execution.job import JobResult, JobSpec
from runner.execution.session import Session
from runner.files.tensors import is_whole
from runner.files.whole import written_whole
from runner.invocation import spell
from runner.server.client import ComfyClient
from runner.server.records import ServerFile
from runner.server.view import server_view
from runner.training.graphs import KLEIN_BASE_ID, KLEIN_BASES, Training, stretch
from runner.training.pictures import Ready, png
from runner.training.sheet import write_sheet, write_table
from runner.untrusted import mapping, number, text
from runner.validation.check import check_graph
from runner.validation.problem import listed

GRID, TABLE = "samples.jpg", "training.csv"
_TILE, _LINE, _ACROSS = 256, 18, 5
"""Pixels of a sample on the sheet, and of its text; samples in a row."""


@dataclass(frozen=True)
class Saved:
    """One save: its step, the LoRA here and as the server lists it, the sample, the mean of the last losses."""

    step: int
    lora: Path
    lora_name: str
    sample: Path
    loss: float | None


def uploaded(client: ComfyClient, name: str, pictures: Iterable[Ready]) -> str:
    """Put pictures and captions into a folder of the server that is named by what is in it; returns its name."""
    files: dict[str, bytes] = {}
    for one in pictures:
        files[f"{one.name}.png"] = png(one.with_alpha())
        files[f"{one.name}.txt"] = one.caption.encode()
    digest = hashlib.sha256()
    for file, data in sorted(files.items()):
        digest.update(f"{file}\0".encode() + hashlib.sha256(data).digest())
    folder = f"prodgen_training/{name}-{digest.hexdigest()[:12]}"
    for file, data in files.items():
        client.upload_image(data, file, folder)
    return folder


def trained(training: Training, session: Session, out: Path) -> list[Saved]:
    """Every save of the training, those that were there and those that are made now.

    Raises WorkflowRejectedError where the server lacks what is needed, and what a failed job raises.
    """
    training = _with_base(training, session)
    _check(stretch(training, training.steps), session)
    place = out / _key(training)
    saves: list[Saved] = []
    for stop in training.stops:
        saved = _there(place, stop)
        if saved is None:
            saved = _made(training, stop, session, place, out)
        saves.append(saved)
        write_beside(out, saves)
    return saves


def _key(training: Training) -> str:
    """Of all that makes its saves others."""
    told = {**vars(training), "recipe": training.recipe.model_dump(), "files": dict(training.files)}
    return f"run_{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:10]}"


def _with_base(training: Training, session: Session) -> Training:
    """Klein is trained on its base model, where that is installed."""
    if training.recipe.base != "klein" or training.files.get("model"):
        return training
    offered = json.dumps(session.client.object_info(["UNETLoader"]))
    base = next((name for name in KLEIN_BASES if f'"{name}"' in offered), None)
    if base is None:
        session.notice(
            f"warning: none of {', '.join(KLEIN_BASES)} is in models/diffusion_models, so the fast klein itself is "
            f"trained on; its makers advise the base: `{spell('models', 'download', KLEIN_BASE_ID)}` fetches it."
        )
        return training
    return replace(training, files={**training.files, "model": base})


def _check(graph: dict[str, Any], session: Session) -> None:
    view = server_view(session.client, graph)
    problems = check_graph(graph, view.object_info, uploaded=[], replaced=view.replaced)
    errors = [str(problem) for problem in problems if problem.is_fatal]
    if errors:
        raise WorkflowRejectedError(
            "\n".join([f"{session.client.url} cannot train this:", *listed(errors)]),
            advice="--model, --text-encoder and --vae name other files.",
        )


def _there(place: Path, stop: int) -> Saved | None:
    record, sample = place / f"{_stem(stop)}.save.json", place / f"{_stem(stop)}.png"
    try:
        entry = json.loads(record.read_text(encoding="utf-8"))
        lora = place / Path(text(entry["lora"])).name
        if lora.is_file() and sample.is_file() and is_whole(lora):
            return Saved(stop, lora, text(entry["lora"]), sample, number(entry.get("loss")))
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _stem(stop: int) -> str:
    return f"step_{stop:06}"


def _made(training: Training, stop: int, session: Session, place: Path, out: Path) -> Saved:
    sample = place / f"{_stem(stop)}.png"
    sample.unlink(missing_ok=True)  # of a save that was broken off: nothing is overwritten, and this one counts
    stem = sample.relative_to(out).with_suffix("")
    record = {"training": training.name, "recipe": training.chosen, "tag": training.tag, "step": stop}
    graph, outputs = stretch(training, stop), {"sample": "sample"}
    spec = JobSpec(stop, f"train {training.name}", graph, outputs, stem, training.seed, record)
    (result,) = session.run([spec])
    if result.error is not None:
        raise result.error
    report = _report(result)
    name = text(report.get("lora"))
    if not name or result.saved is None:
        raise NodeFailedError("the server does not say which LoRA it saved.", advice="Update the node pack there.")
    for note in report.get("notes") or ():
        session.notice(f"warning: {text(note)}")
    lora = place / Path(name).name
    _fetch(session.client, name, lora)
    if not is_whole(lora):
        lora.unlink()
        raise NodeFailedError(f"the server's {name} is damaged.", advice="Type the same command again.")
    loss = number(report.get("loss"))
    with written_whole(place / f"{_stem(stop)}.save.json") as stream:
        json.dump({"step": stop, "lora": name, "loss": loss, "identity": report.get("identity")}, stream, indent=2)
    return Saved(stop, lora, name, result.saved.files[0].path, loss)


def _report(result: JobResult) -> Mapping[str, Any]:
    reports = () if result.saved is None else result.saved.reports
    return next((mapping(one.value) for one in reports if one.node_id == "train"), {})


def _fetch(client: ComfyClient, name: str, path: Path) -> None:
    with client.open_file(ServerFile(name, "loras", "output")) as chunks, written_whole(path, "wb") as stream:
        for chunk in chunks:
            stream.write(chunk)


def write_beside(out: Path, saves: Sequence[Saved]) -> None:
    """The table of the saves, and their samples side by side."""
    write_table(out / TABLE, ("step", "loss", "lora", "sample"), map(_line, saves))
    cells = [(one.sample, _label(one)) for one in saves]
    sheet = [cells[start : start + _ACROSS] for start in range(0, len(cells), _ACROSS)]
    write_sheet(out / GRID, sheet, _TILE, _LINE)


def _line(one: Saved) -> dict[str, Any]:
    loss = "" if one.loss is None else round(one.loss, 6)
    return {"step": one.step, "loss": loss, "lora": one.lora, "sample": one.sample}


def _label(one: Saved) -> str:
    return f"step {one.step}" if one.loss is None else f"step {one.step}  loss {one.loss:.4f}"
