"""`models list | check | download | smoke`: what the workflows need, what is there, and how to get the rest."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import console
from runner.errors import EXIT_OK, EXIT_REJECTED, EXIT_USAGE, RunnerError
from runner.manifest import Manifest, Model, human_size, load_manifest
from runner.model_store import ModelStore, Verdict, open_store

HUGGING_FACE = "https://huggingface.co"
_PROGRESS_STEP_S = 0.2


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(
        "models",
        help="list, check or download the models the workflows need, or make stand-ins",
        description="The models the workflows need: what there is, what is on disk, and how to get the rest.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    texts = {
        "list": "every model with its licence and size, and whether it is there",
        "check": "verify size and sha256 of the files that are there",
        "download": "fetch models; a broken-off download is continued",
        "smoke": "make small models with made-up weights, so that workflows can be tried without the real ones",
    }
    for name, text in texts.items():
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        action.add_argument("ids", metavar="ID", nargs="*", help="a model's id or file name")
        action.add_argument("--for", dest="workflow", metavar="WORKFLOW", help="the models that this workflow needs")
        action.add_argument("--comfyui", metavar="DIR", type=Path, help="a ComfyUI of your own")
        action.add_argument("--json", action="store_true", help="JSON lines on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `models` command."""
    manifest = load_manifest()
    chosen = select_models(manifest, args.ids, args.workflow)
    out = _Output(args.json)
    named = bool(args.ids or args.workflow)
    if args.action == "smoke":
        from runner.smoke.action import stand_ins, write_into

        return write_into(args.comfyui, stand_ins(chosen) if named else None, as_json=args.json)
    if args.workflow and not chosen:
        out.line(f"{args.workflow} needs no models.")
        return EXIT_OK
    if args.action == "list":
        return _list(chosen, _store_if_any(args.comfyui), out)
    store = open_store(args.comfyui)
    if args.action == "check":
        return _check(chosen, store, out, named=named)
    if not named:
        raise _nothing_named()
    return _download(chosen, store, out)


def select_models(manifest: Manifest, ids: list[str], workflow: str | None) -> list[Model]:
    """The models named by id or by workflow; all of them when nothing is named."""
    if not ids and not workflow:
        return list(manifest.models)
    chosen = [manifest.get(model_id) for model_id in ids]
    if workflow:
        from runner.workflow import load_workflow  # only when a workflow is named

        loaded = load_workflow(workflow)
        chosen += manifest.for_workflow(loaded.label, loaded.name, loaded.graph)
    return list(dict.fromkeys(chosen))


def _nothing_named() -> RunnerError:
    from runner.errors import UsageError

    return UsageError(
        "say which models to download: all of them are hundreds of gigabytes.",
        advice="python -m runner models download --for WORKFLOW, or an ID from: python -m runner models list",
    )


def _store_if_any(comfyui: Path | None) -> ModelStore | None:
    """Listing works without a ComfyUI, too; then nothing is said about what is there."""
    from runner.errors import UsageError

    try:
        return open_store(comfyui)
    except UsageError:
        if comfyui is not None:
            raise
        return None


@dataclass
class _Output:
    """Lines for people, or JSON lines; a live progress line on a terminal only."""

    as_json: bool
    clock: Callable[[], float] = time.monotonic
    _last: float = field(default=0.0)
    _decile: int = field(default=-1)
    _live: bool = field(default=False)

    def event(self, **values: Any) -> None:
        if self.as_json:
            console.json_line(values)

    def line(self, text: str) -> None:
        self._end_live()
        (console.tell if self.as_json else console.show)(text)

    def progress(self, model: Model, done: int, total: int | None) -> None:
        now = self.clock()
        finished = total is not None and done >= total
        if now - self._last < _PROGRESS_STEP_S and not finished:
            return
        self._last = now
        self.event(event="progress", id=model.id, done=done, total=total)
        share = f"{done / total:4.0%} of {human_size(total)}" if total else human_size(done)
        if sys.stderr.isatty():
            console.redraw(f"  {model.file}  {share}")
            self._live = True
        elif not self.as_json and total and done * 10 // total != self._decile:
            self._decile = done * 10 // total
            self.line(f"  {model.file}  {share}")

    def _end_live(self) -> None:
        if self._live:
            console.redraw()
            self._live = False


def _facts(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "purpose": model.purpose,
        "path": str(model.relative_path.as_posix()),
        "url": model.url,
        "bytes": model.bytes,
        "sha256": model.sha256,
        "sha256_status": model.sha256_status,
        "licence": model.licence,
        "commercial": model.commercial,
        "gated": model.gated,
        "alternatives": list(model.alternatives),
    }


def _list(models: list[Model], store: ModelStore | None, out: _Output) -> int:
    here = 0
    for model in models:
        path = store.find(model) if store is not None else None
        here += path is not None
        state = "" if store is None else "present" if path is not None else "missing"
        out.event(event="model", **_facts(model), state=state or "unknown", file=str(path) if path else None)
        if not out.as_json:
            size = model.size_text if path is None else human_size(path.stat().st_size)
            uses = {
                True: "commercial use allowed",
                False: "not for commercial use",
                None: "commercial use: see its page",
            }
            gated = " · licence must be accepted first" if model.gated else ""
            by_hand = " · not offered for download" if model.url is None else ""
            out.line(f"{model.id}  {state}".rstrip())
            out.line(f"    {model.purpose}")
            out.line(f"    models/{model.relative_path.as_posix()} · {size}")
            out.line(f"    {model.licence} · {uses[model.commercial]}{gated}{by_hand}")
    where = f", {here} of them in {store.models_dir}" if store is not None else "; no ComfyUI is installed here"
    out.line(f"{len(models)} models{where}.")
    return EXIT_OK


def _check(models: list[Model], store: ModelStore, out: _Output, *, named: bool) -> int:
    """2 when a file is not what it should be, 4 when one that was asked for is missing."""
    states: list[str] = []
    for model in models:
        verdict = store.check(model)
        if verdict.state == "missing" and not named:
            continue
        states.append(verdict.state)
        out.event(event="checked", id=model.id, **_verdict(verdict))
        out.line(_verdict_text(model, verdict))
    if not states:
        out.line(f"None of the manifest's models is in {store.models_dir}.")
    if "damaged" in states:
        return EXIT_USAGE
    return EXIT_REJECTED if "missing" in states else EXIT_OK


def _verdict(verdict: Verdict) -> dict[str, Any]:
    path = str(verdict.path) if verdict.path else None
    return {"state": verdict.state, "file": path, "sha256": verdict.sha256, "detail": verdict.detail}


def _verdict_text(model: Model, verdict: Verdict) -> str:
    if verdict.state == "missing":
        how = f"python -m runner models download {model.id}" if model.url else model.note
        return f"missing     {model.id}: models/{model.relative_path.as_posix()} ({how})"
    detail = f": {verdict.detail}" if verdict.detail else ""
    return f"{verdict.state:<11} {model.id} ({verdict.path}){detail}"


def _download(models: list[Model], store: ModelStore, out: _Output) -> int:
    """Everything that can be had is fetched; then the first failure, if any, decides the exit code."""
    failures: list[RunnerError] = []
    unreachable: dict[str, str] = {}
    for model in models:
        try:
            _download_one(model, store, out, unreachable)
        except RunnerError as error:
            failures.append(error)
            out.event(event="failed", id=model.id, message=error.message, advice=error.advice)
            out.line(f"{model.id}: {error}")
    if failures:
        out.line(f"{len(models) - len(failures)} of {len(models)} models are there.")
        return failures[0].exit_code
    return EXIT_OK


def _download_one(model: Model, store: ModelStore, out: _Output, unreachable: dict[str, str]) -> None:
    from runner.downloads import Downloader, DownloadError, Request  # requests takes 0.2 s to import
    from runner.hashes import remember_sha256

    verdict = store.check(model)
    if verdict.state in ("ok", "unverified"):
        out.event(event="present", id=model.id, **_verdict(verdict))
        out.line(f"{model.id}: already there ({verdict.path}).")
        return
    if verdict.state == "damaged":
        raise DownloadError(
            f"{verdict.path} is there but is not this model: {verdict.detail}.",
            advice="It was left as it is. Move it away, then download again.",
        )
    if model.url is None:
        target = store.target(model)
        raise DownloadError(f"{model.file} is not offered for download ({model.note}).", advice=f"It goes to {target}.")
    out.event(event="downloading", **_facts(model))
    out.line(f"{model.id} ({model.size_text}, licence: {model.licence}) → {store.target(model)}")
    downloader = Downloader(
        progress=lambda done, total: out.progress(model, done, total), notice=out.line, unreachable=unreachable
    )
    wanted = Request(_mirrored(model.url), store.target(model), model.bytes, model.sha256, model.page)
    fetched = downloader.fetch(wanted)
    remember_sha256(fetched.path, fetched.sha256)
    out.event(event="downloaded", id=model.id, file=str(fetched.path), **_outcome(fetched.sha256, fetched.verified_by))
    words = {
        "manifest": "size and sha256 verified",
        "host": "its sha256 is the one its host publishes; the manifest knows none",
        "nothing": f"no sha256 is known to verify it by; it is {fetched.sha256}",
    }
    out.line(f"{model.id}: done, {human_size(fetched.bytes)}, {words[fetched.verified_by]}.")


def _outcome(sha256: str, verified_by: str) -> dict[str, str]:
    return {"sha256": sha256, "verified_by": verified_by}


def _mirrored(url: str) -> str:
    """`$HF_ENDPOINT` names a mirror of Hugging Face, as its own tools understand it."""
    mirror = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/")
    return mirror + url[len(HUGGING_FACE) :] if mirror and url.startswith(f"{HUGGING_FACE}/") else url
