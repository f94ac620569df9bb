"""Smoke models for the tests' servers: real architectures, made-up weights (see `runner.smoke`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from runner.models.stand_ins import MODELS, SmokeModel
from runner.server.client import ComfyClient
from runner.smoke.writer import write_smoke_models
from tests.support.comfy import ComfyServer
from tests.support.runs import Graph

Levels = np.ndarray[Any, np.dtype[np.float64]]


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


@contextmanager
def smoke_models(server: ComfyServer, *names: str) -> Iterator[ComfyServer]:
    """The server with these smoke models; what they take in its memory is given back at the end."""
    fill_with_smoke(server, *names)
    yield server
    ComfyClient(server.url).free()


def colourful_photo(size: int) -> Image.Image:
    """A dark red disc with a bright rim on a pale blue gradient: colours and places that can be told apart."""
    y, x = np.mgrid[0:size, 0:size] / size
    rgb = np.stack([0.65 + 0.2 * x, 0.75 + 0.1 * y, np.full_like(x, 0.95)], axis=-1)
    distance = np.hypot(x - 0.5, y - 0.55)
    rgb[distance < 0.3] = (0.55, 0.08, 0.1)
    rgb[np.abs(distance - 0.3) < 0.02] = (0.98, 0.9, 0.2)
    return Image.fromarray((rgb * 255).round().astype(np.uint8))


def levels(picture: Image.Image) -> Levels:
    """8-bit levels `[H,W,3]`."""
    return np.asarray(picture.convert("RGB"), dtype=np.float64)


def seen_through_the_vae(picture: Image.Image) -> Levels:
    """What every smoke VAE makes of a picture: each 8×8 pixels are their mean."""
    width, height = picture.size
    blocks = levels(picture).reshape(height // 8, 8, width // 8, 8, 3).mean(axis=(1, 3))
    seen: Levels = blocks.repeat(8, axis=0).repeat(8, axis=1)
    return seen


def run_pictures(server: ComfyServer, graph: Graph, timeout: float = 600) -> dict[str, Levels]:
    """The first picture of each node that shows or saves one, by the node's id."""
    outputs = server.run(graph, timeout=timeout)
    return {name: levels(server.picture(shown["images"][0])) for name, shown in outputs.items() if "images" in shown}


def _model(name: str) -> SmokeModel:
    return next(model for model in MODELS if model.name == name)
