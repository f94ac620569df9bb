"""The outline that holds a product's shape is found whatever the product's colour, in every workflow that uses it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from runner.workflow.graph import up_to
from tests.support.comfy import ComfyServer
from tests.workflows import published, smoke_runs, studio
from tests.workflows.published import Graph, inputs_of
from tests.workflows.smoke_runs import Pixels, nodes_of

NEWEST = {path.stem.rpartition(".v")[0]: path.stem for path in published.files()}
"""The version that a bare name stands for; files come sorted and no workflow has ten versions."""
COLOURS = {"white": (1.0, 1.0, 1.0), "pale grey": (0.88,) * 3, "grey": (0.5,) * 3, "black": (0.02,) * 3}
WITHIN = 2
"""Pixels that an edge may lie beside the outline."""


def with_outline() -> list[str]:
    graphs = {name: published.load(name) for name in NEWEST.values()}
    return [name for name, graph in graphs.items() if "black_ground_edges" in inputs_of(graph)]


def edges_that_control(graph: Graph) -> list[str]:
    """Nodes whose picture is an edge map of the whole product for a ControlNet."""
    fed = {graph[node]["inputs"]["image"][0] for node in nodes_of(graph, "ControlNetApplyAdvanced")}
    return [node for node in fed if graph[node]["class_type"] in ("Canny", "ImageBlend")]


def share_found(edges: Pixels, product: Pixels) -> float:
    """Share of the product's outline that has an edge within two pixels; both at the canvas' size."""
    own = product[..., 0] > 0.5
    outline = own & ~ndimage.binary_erosion(own)
    near = ndimage.binary_dilation(edges[..., 0] > 0.2, iterations=WITHIN)
    return float(near[outline].mean())


def test_every_workflow_with_edges_has_both_grounds() -> None:
    repainted = {"enhance_canny.v1"}  # the picture itself is the ground there
    for name in set(NEWEST.values()) - repainted:
        graph = published.load(name)
        for node in edges_that_control(graph):
            of_hands = graph[node]["_meta"]["title"] == "Edges of the hands"
            assert of_hands or graph[node]["class_type"] == "ImageBlend", name


def edges_of(server: ComfyServer, name: str, color: tuple[float, ...], **values: float) -> tuple[Pixels, Pixels]:
    """The edge map as the ControlNet is given it, and the mask of what was placed less the opened handle."""
    shot = studio.bag(640, 640)
    shade = studio.to_linear(shot.product).mean(axis=-1, keepdims=True)
    look = (0.88 + 0.12 * shade / shade.max()) * np.array(color)  # lit softly, as a packshot is
    photo = Image.fromarray(np.rint(np.dstack([look, shot.alpha]) * 255).astype(np.uint8), "RGBA")
    graph = published.load(name)
    (union,) = (node for node in edges_that_control(graph) if graph[node]["class_type"] == "ImageBlend")
    (mask,) = nodes_of(graph, "ProdgenEraseHandle") or nodes_of(graph, "ProdgenPlaceProduct")
    early = up_to(graph, union, mask)
    given = {"width": 448, "height": 640, "pose": "held_beside_hips", **values}
    given = {key: value for key, value in given.items() if key in inputs_of(early)}
    looks = {"edges": (union, 0), "mask": (mask, 1)}
    shown = smoke_runs.run(server, early, looks, image=server.upload(photo), **given).pictures
    return shown["edges"], shown["mask"]


def outline_of(server: ComfyServer, name: str, color: tuple[float, ...], **values: float) -> tuple[Pixels, Pixels]:
    """The same, the edge map at the canvas' size."""
    edges, mask = edges_of(server, name, color, **values)
    height, width = mask.shape[:2]
    small = Image.fromarray((edges * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    return np.asarray(small) / 255, mask


@pytest.mark.each_once
@pytest.mark.parametrize("color", COLOURS)
@pytest.mark.parametrize("name", sorted(with_outline()))
def test_the_outline_is_found(name: str, color: str, smoke_server: ComfyServer) -> None:
    edges, mask = outline_of(smoke_server, name, COLOURS[color])
    assert share_found(edges, mask) >= 0.95
    away = ~ndimage.binary_dilation(mask[..., 0] > 0, iterations=4)
    assert edges[away].max() == 0  # no line where there is no product


@pytest.mark.parametrize("name", sorted(set(with_outline()) - {NEWEST["grip_sdxl_original"]}))
def test_no_line_falls_out_on_the_way_to_the_controlnet(name: str, smoke_server: ComfyServer) -> None:
    """ControlNet brings its picture to the canvas by the nearest pixel: of a larger one whole columns fall out, and an
    upright side with them."""
    edges, mask = edges_of(smoke_server, name, COLOURS["grey"])
    assert edges.shape == mask.shape


def test_on_white_alone_a_white_product_has_none(smoke_server: ComfyServer) -> None:
    edges, mask = outline_of(smoke_server, "scene_sdxl.v3", COLOURS["white"], black_ground_edges=0.0)
    assert share_found(edges, mask) < 0.7
