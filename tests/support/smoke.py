"""Smoke models for the tests' servers: real architectures, made-up weights (see `runner.smoke`)."""

from __future__ import annotations

from runner.smoke.catalog import MODELS, SmokeModel
from runner.smoke.writer import write_smoke_models
from tests.support.comfy import ComfyServer


def smoke_file(name: str) -> str:
    """The file name of a smoke model, as ComfyUI's nodes list it: `smoke_file("sdxl")`."""
    return _model(name).file


def fill_with_smoke(server: ComfyServer, *names: str) -> None:
    """Put the named smoke models (default: all) into a server's models folder; a running server finds them at once.

    Those that are there stay, so every test may ask for what it needs. Writing takes about four seconds.
    """
    wanted = [_model(name) for name in names] if names else list(MODELS)
    missing = [model.name for model in wanted if not (server.models_dir / model.folder / model.file).is_file()]
    if missing:
        made = {one.name for one in write_smoke_models(server.installation, server.models_dir, missing)}
        assert made == set(missing), f"not every smoke model was made: {sorted(set(missing) - made)}"


def _model(name: str) -> SmokeModel:
    return next(model for model in MODELS if model.name == name)
