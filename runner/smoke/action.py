"""`models smoke`: put the smoke models into a ComfyUI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner import console
from runner.errors import EXIT_OK, UsageError
from runner.models.manifest import Model, human_size
from runner.models.stand_ins import MODELS, SmokeModel, named
from runner.smoke.writer import installation_at, write_smoke_models


def stand_ins(models: Sequence[Model]) -> list[SmokeModel]:
    """The smoke models that stand in for these, each once."""
    stand_ins_of_models = [named(model.smoke) for model in models if model.smoke is not None]
    return list(dict.fromkeys(model for model in stand_ins_of_models if model is not None))


def write_into(comfyui: Path | None, chosen: Sequence[SmokeModel] | None, *, as_json: bool) -> int:
    """Write `chosen` (None: all) and say what each one is; returns the exit code.

    Raises UsageError where there is nothing to write or no ComfyUI, or the generator failed.
    """
    if chosen is not None and not chosen:
        raise UsageError(
            "none of these models has a smoke model that can stand in for it.",
            advice="`python -m runner models smoke` without a name makes all there are.",
        )
    installation = installation_at(comfyui)
    models_dir = installation.comfyui / "models"
    purposes = {model.name: model.stands_for for model in MODELS}
    total = 0
    for made in write_smoke_models(installation, models_dir, [model.name for model in chosen or MODELS]):
        total += made.bytes
        if as_json:
            line = {"event": "smoke", "name": made.name, "file": str(made.file), "bytes": made.bytes}
            console.json_line({**line, "stands_for": purposes[made.name]})
        else:
            where = made.file.relative_to(models_dir).as_posix()
            console.show(f"{where}  {human_size(made.bytes)}  stands for {purposes[made.name]}")
    text = f"{human_size(total)} of smoke models in {models_dir}: they prove that workflows run, not how pictures look."
    (console.tell if as_json else console.show)(text)
    return EXIT_OK
