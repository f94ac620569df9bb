"""`models list | check | download | smoke`: what the workflows need, what is there, and how to get the rest."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.model_output import Output, verdict_facts
from runner.cli.parser import local_path
from runner.errors import EXIT_OK, EXIT_REJECTED, EXIT_USAGE, RunnerError
from runner.invocation import spell
from runner.models.manifest import Manifest, Model, load_manifest
from runner.models.store import ModelState, ModelStore, Verdict, open_store

if TYPE_CHECKING:
    from runner.workflow.load import Workflow


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
        action.add_argument("--for", dest="workflow", metavar="WORKFLOW", help="the models that this workflow uses")
        if name != "smoke":
            action.add_argument("--default", action="store_true", help="the models that install.py fetches")
        action.add_argument("--comfyui", metavar="DIR", type=local_path, help="a ComfyUI of your own")
        action.add_argument("--json", action="store_true", help="JSON lines on standard output")
    return parser


def run(args: argparse.Namespace) -> int:
    """The `models` command."""
    manifest = load_manifest()
    default = manifest.default() if getattr(args, "default", False) else []
    named = bool(args.ids or args.workflow or default)
    needed = [] if default and not (args.ids or args.workflow) else select_models(manifest, args.ids, args.workflow)
    improving = _improving(manifest, args.workflow)
    fitting = list(dict.fromkeys([*default, *improving]))
    out = Output(args.json)
    if args.action == "smoke":
        from runner.smoke.action import stand_ins, write_into

        return write_into(args.comfyui, stand_ins(needed) if named else None, as_json=args.json)
    if named and not (needed or fitting):
        out.line(f"{args.workflow} needs no models.")
        return EXIT_OK
    store = _store_if_any(args.comfyui) if args.action == "list" else open_store(args.comfyui)
    if store is not None:
        fitting = [store.in_place_of(model, manifest) for model in fitting]
    chosen = list(dict.fromkeys([*needed, *fitting]))
    if args.action == "list":
        from runner.cli.model_list import describe_models, list_models

        optional = [model for model in chosen if model not in needed]
        return describe_models(chosen, store, out) if args.ids else list_models(chosen, optional, store, out)
    assert store is not None  # noqa: S101 - for the type checker: only listing does without one
    if args.action == "check":
        return _check(chosen, store, out, needed=needed if named else None)
    if not named:
        raise _nothing_named()
    from runner.cli.model_fetch import Fetching

    asked = list(dict.fromkeys([*needed, *default]))
    optional = [model for model in improving if model not in asked]
    return Fetching(manifest, store, out).all(asked, optional, exact=bool(args.ids))


def select_models(manifest: Manifest, ids: list[str], workflow: str | None) -> list[Model]:
    """The models named by id or needed by a workflow; all of them when nothing is named."""
    if not ids and not workflow:
        return list(manifest.models)
    chosen = [manifest.get(model_id) for model_id in ids]
    if workflow:
        loaded = _workflow(workflow)
        chosen += manifest.for_workflow(loaded.label, loaded.name, loaded.graph)
    return list(dict.fromkeys(chosen))


def _improving(manifest: Manifest, workflow: str | None) -> list[Model]:
    """What the workflow can do without and does better with."""
    return manifest.improving(_workflow(workflow).graph) if workflow else []


def _workflow(name: str) -> Workflow:
    from runner.workflow.load import load_workflow  # only when a workflow is named

    return load_workflow(name)


def _nothing_named() -> RunnerError:
    from runner.errors import UsageError

    return UsageError(
        "say which models to download: all of them are hundreds of gigabytes.",
        advice=f"{spell('models', 'download', '--for', 'WORKFLOW')}, or an ID from: {spell('models', 'list')}",
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


def _check(models: list[Model], store: ModelStore, out: Output, *, needed: list[Model] | None) -> int:
    """2 when a file is not what it should be, 4 when one that is `needed` is missing; None: those that are there."""
    states: list[ModelState] = []
    for model in models:
        verdict = store.check(model)
        if verdict.state == ModelState.MISSING and needed is None:
            continue
        if verdict.state == ModelState.MISSING and needed is not None and model not in needed:
            verdict = Verdict(ModelState.OPTIONAL)
        states.append(verdict.state)
        out.event(event="checked", id=model.id, **verdict_facts(verdict))
        out.line(_verdict_text(model, verdict))
    if not states:
        out.line(f"None of the manifest's models is in {store.models_dir}.")
    if ModelState.DAMAGED in states:
        return EXIT_USAGE
    return EXIT_REJECTED if ModelState.MISSING in states else EXIT_OK


def _verdict_text(model: Model, verdict: Verdict) -> str:
    if verdict.path is None:
        how = spell("models", "download", model.id) if model.is_offered else model.note
        better = f"; {', '.join(model.improves)} works without it" if verdict.state == ModelState.OPTIONAL else ""
        return f"{verdict.state.value:<11} {model.id}: models/{model.relative_path.as_posix()} ({how}){better}"
    detail = f": {verdict.detail}" if verdict.detail else ""
    return f"{verdict.state.value:<11} {model.id} ({verdict.path}){detail}"
