"""What the tests of the scene workflows share: setting inputs as the runner does, the stages to look at, measures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from tests.workflows import studio
from tests.workflows.published import Graph, outputs_of
from tests.workflows.smoke_runs import Pixels, nodes_of

_STAGES = {
    "Where the product stands, and its shadow in that light": {"lit": 0, "ground": 2},
    "Contact shadow in the scene": {"shaded": 0, "shadow": 1},
    "Generated": {"generated": 0},
    "Scene at the new size": {"enlarged": 0},
}
_BEFORE_THE_SCENE = ("Product in the light", "The product on black")
"""Where the original is pasted for the model to look at."""


def with_inputs(graph: Graph, **values: Any) -> Graph:
    """A copy with these inputs on every node that bears the name; names that the graph does not have are left out."""
    copy: Graph = json.loads(json.dumps(graph))
    for node in copy.values():
        title = node["_meta"]["title"]
        name, _, widget = title.removeprefix("input: ").partition(" = ")
        if title.startswith("input: ") and name in values:
            free = [key for key, value in node["inputs"].items() if not isinstance(value, list)]
            node["inputs"][widget or free[0]] = values[name]
    return copy


def titled(graph: Graph, title: str) -> str:
    (found,) = (node_id for node_id, node in graph.items() if node["_meta"]["title"] == title)
    return found


def stages(graph: Graph) -> dict[str, tuple[str, int]]:
    """Name → (node, output) of what there is to see in a scene workflow."""
    shown: dict[str, tuple[str, int]] = {}
    for name, node_id in outputs_of(graph).items():
        source: list[Any] = graph[node_id]["inputs"]["images"]
        shown[name] = (source[0], source[1])
    for node_id, node in graph.items():
        for name, slot in _STAGES.get(node["_meta"]["title"], {}).items():
            shown[name] = (node_id, slot)
    for node_id in nodes_of(graph, "ProdgenPlaceProduct"):
        shown |= {"placed": (node_id, 0), "placed_mask": (node_id, 1)}
    for node_id in nodes_of(graph, "ProdgenSegmentProduct"):
        shown["cutout_mask"] = (node_id, 1)
    for node_id in nodes_of(graph, "ProdgenPasteBack"):
        if graph[node_id]["_meta"]["title"] not in _BEFORE_THE_SCENE:
            shown["pasted_mask"] = (node_id, 1)
    return shown


def difference(first: Pixels, second: Pixels) -> Pixels:
    """CIEDE2000 of sRGB pictures 0..1."""
    return np.asarray(deltaE_ciede2000(rgb2lab(first), rgb2lab(second)))


def lightness_and_chroma(picture: Pixels) -> tuple[Pixels, Pixels]:
    lab = rgb2lab(picture)
    return lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])


def inside(mask: Pixels, pixels: int = 4) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where a mask is whole, and so is everything within these pixels."""
    return np.asarray(ndimage.binary_erosion(mask[..., 0] > 0.99, iterations=pixels))


def beside(mask: Pixels) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where a mask is nothing at all: a pixel away from what 8 bits still show of it."""
    return ~np.asarray(ndimage.binary_dilation(mask[..., 0] > 0, iterations=1))


def same(first: Pixels, second: Pixels) -> bool:
    """Whether two sets of pixels are the same, to the last bit."""
    return bool((first == second).all())


def center_and_size(mask: Pixels) -> tuple[tuple[float, float], tuple[int, int]]:
    """Middle (x, y) and width and height of the box around a mask."""
    rows, columns = ndimage.find_objects((mask[..., 0] > 0.5).astype(int))[0]
    middle = ((columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2)
    return middle, (columns.stop - columns.start, rows.stop - rows.start)


def finished_scene(shot: studio.Shot, side: int, left: int, top: int) -> tuple[Pixels, Pixels]:
    """The shot's product in a calm, light scene of `side`², pixel for pixel at `left`, `top`; and that scene at half
    the size, as a finished picture would be. Both sRGB 0..1."""
    y, x = np.mgrid[0:side, 0:side] / side
    wall = np.stack([0.45 + 0.3 * x, 0.55 + 0.2 * y, 0.6 + 0.1 * np.sin(5 * x)], axis=-1)
    wall[y > 0.82] *= 0.75
    scene = studio.to_linear(wall)
    height, width = shot.alpha.shape
    area = (slice(top, top + height), slice(left, left + width))
    alpha = shot.alpha[..., None]
    scene[area] = scene[area] * (1 - alpha) + studio.to_linear(shot.product) * alpha
    half = scene.reshape(side // 2, 2, side // 2, 2, 3).mean(axis=(1, 3))
    return studio.to_srgb(scene), studio.to_srgb(half)


def as_file(picture: Pixels) -> Image.Image:
    return Image.fromarray(np.rint(picture * 255).astype(np.uint8))
