"""The grip workflows end to end on smoke models: the product's place and pixels, the opened handle, what each setting
does. The weights are made up: people and hands are not to be seen here, only that everything is wired as it should be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from runner.local_server.process import Installation
from runner.validation.check import check_graph
from runner.workflow.graph import up_to
from tests.support.comfy import ComfyServer, GraphError
from tests.support.schemas import third_party
from tests.support.smoke import fill_with_smoke
from tests.workflows import published, smoke_runs, studio
from tests.workflows.published import Graph, inputs_of, outputs_of
from tests.workflows.smoke_runs import Look, nodes_of

SMALL = {"width": 256, "height": 384, "steps": 2, "pose": "held_beside_hips"}
ON_CORE = ["grip_sdxl.v8", pytest.param("grip_sdxl_fast.v8", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def photo(smoke_server: ComfyServer) -> str:
    return smoke_server.upload(studio.bag(640, 640).photo)


@pytest.fixture(scope="module")
def look(smoke_server: ComfyServer, photo: str) -> Callable[..., Look]:
    """`look("grip_sdxl.v8", change=..., **inputs)`: a small run that shows all stages."""
    done: dict[str, Look] = {}

    def run(name: str, change: Callable[[Graph], None] | None = None, **values: Any) -> Look:
        graph = published.load(name)
        if change is not None:
            change(graph)
        key = json.dumps([name, graph, values], sort_keys=True)
        if key not in done:
            small = {key: value for key, value in SMALL.items() if key in inputs_of(graph)}
            if "hand_size" in inputs_of(graph):
                small |= {"hand_size": 192, "max_hands": 1}
            # With two made-up people this graph's mask grew by 0.4 % at 101 %, not by 2: it keeps its three.
            people = 3 if name == "grip_sdxl_fast.v8" else 2
            given = {**small, **values}
            done[key] = smoke_runs.run(smoke_server, graph, stages(graph), people=people, image=photo, **given)
        return done[key]

    return run


def stages(graph: Graph) -> dict[str, tuple[str, int]]:
    (place,), (erase,) = nodes_of(graph, "ProdgenPlaceProduct"), nodes_of(graph, "ProdgenEraseHandle")
    (keep,), paste = nodes_of(graph, "ProdgenKeepInFront"), nodes_of(graph, "ProdgenPasteBack")[-1]
    picture = outputs_of(graph)["picture"]
    final: list[Any] = graph[picture]["inputs"]["images"]
    scene: list[Any] = graph[paste]["inputs"]["scene"]
    return {
        "placed": (place, 0),
        "placed_mask": (place, 1),
        "erased_picture": (erase, 0),
        "erased": (erase, 2),
        "scene": (scene[0], scene[1]),
        "kept": (keep, 0),
        "pasted_mask": (paste, 1),
        "final": (final[0], final[1]),
    }


def difference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.asarray(deltaE_ciede2000(rgb2lab(first), rgb2lab(second)))


def inside(mask: np.ndarray, pixels: int = 4) -> np.ndarray:
    return np.asarray(ndimage.binary_erosion(mask[..., 0] > 0.99, iterations=pixels))


@pytest.mark.timeout(3600)  # the first of a workflow's runs, which loads its models
@pytest.mark.parametrize("name", ON_CORE)
def test_the_product_is_the_sellers_outside_the_hand(name: str, look: Callable[..., Look]) -> None:
    shown = look(name, scale=1.0, relight=0.0).pictures
    own = inside(shown["placed_mask"]) & (shown["kept"][..., 0] == 0)
    assert own.sum() > 1000
    assert difference(shown["final"], shown["placed"])[own].mean() <= 1.0
    around = ndimage.binary_dilation(shown["pasted_mask"][..., 0] > 0, iterations=3)  # fainter than a level beyond
    assert (shown["final"][~around] == shown["scene"][~around]).all()


@pytest.mark.parametrize("name", ON_CORE)
def test_the_handle_is_opened_and_painted(name: str, look: Callable[..., Look]) -> None:
    seen = look(name, scale=1.0, relight=0.0)
    shown = seen.pictures
    gap = ndimage.binary_erosion(shown["erased"][..., 0] > 0.99, iterations=1)
    assert gap.sum() > 20
    assert (shown["erased_picture"][gap] > 0.98).all()  # the canvas' white, for the model to paint on
    assert difference(shown["scene"], shown["placed"])[gap].mean() > 5  # not the handle any more
    assert difference(shown["scene"], np.ones_like(shown["scene"]))[gap].mean() > 5  # nor white: it was painted
    if seen.report("ProdgenKeepInFront")["erased_kept"]:
        assert difference(shown["final"], shown["placed"])[gap].mean() > 5
        assert difference(shown["final"], np.ones_like(shown["final"]))[gap].mean() > 5
        assert np.abs(shown["final"] - shown["scene"])[gap].max() <= 1.5 / 255  # the scene's own pixels
    else:  # made-up weights paint a hand by chance: where there is none, the handle is whole again
        assert name == "grip_sdxl_fast.v8"
        assert np.median(difference(shown["final"], shown["placed"])[gap]) < 1


@pytest.mark.parametrize("name", ON_CORE)
def test_at_101_percent_the_product_is_as_much_larger(name: str, look: Callable[..., Look]) -> None:
    exact, grown = (look(name, scale=scale, relight=0.0).pictures["pasted_mask"][..., 0] for scale in (1.0, 1.01))
    areas = [float(mask.sum()) for mask in (exact, grown)]
    assert areas[1] / areas[0] == pytest.approx(1.01**2, abs=0.012)


@pytest.fixture(scope="module")
def first_stage(smoke_server: ComfyServer, photo: str) -> Callable[..., np.ndarray]:
    """The picture after stage 1 of grip_sdxl.v8, with some inputs set: nothing after it is run."""
    done: dict[str, np.ndarray] = {}

    def run(change: Callable[[Graph], None] | None = None, **values: Any) -> np.ndarray:
        graph = published.load("grip_sdxl.v8")
        if change is not None:
            change(graph)
        key = json.dumps([graph, values], sort_keys=True)
        if key not in done:
            done[key] = painted(graph, **values)
        return done[key]

    def painted(graph: Graph, **values: Any) -> np.ndarray:
        (stage,) = (node_id for node_id, node in graph.items() if node["_meta"]["title"] == "Stage 1")
        early = up_to(graph, stage)
        tiny = {**SMALL, "width": 128, "height": 192}  # whether a setting counts shows in a few pixels
        small = {key: value for key, value in tiny.items() if key in inputs_of(early)}
        shown = smoke_runs.run(smoke_server, early, {"stage": (stage, 0)}, image=photo, **{**small, **values})
        return np.asarray(shown.pictures["stage"])

    return run


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("strong_strength", 0.1),
        pytest.param("weak_strength", 0.95, marks=pytest.mark.slow),
        pytest.param("strong_from", 0.9, marks=pytest.mark.slow),
    ],
)
def test_the_two_phases_are_applied(setting: str, value: float, first_stage: Callable[..., np.ndarray]) -> None:
    plain, other = first_stage(steps=4), first_stage(steps=4, **{setting: value})
    assert np.abs(plain - other).mean() > 1e-3


def without_lora(graph: Graph) -> None:
    graph[inputs_of(graph)["people_lora"][0]]["inputs"]["lora_name"] = "none"


def without_freeu(graph: Graph) -> None:
    (freeu,) = nodes_of(graph, "FreeU_V2")
    model = graph[freeu]["inputs"]["model"]
    for node in graph.values():
        node["inputs"] = {name: model if value == [freeu, 0] else value for name, value in node["inputs"].items()}


@pytest.mark.parametrize("change", [without_lora, pytest.param(without_freeu, marks=pytest.mark.slow)])
def test_lora_and_freeu_are_in_the_picture(
    change: Callable[[Graph], None], first_stage: Callable[..., np.ndarray]
) -> None:
    assert np.abs(first_stage(steps=4) - first_stage(change, steps=4)).mean() > 1e-3


@pytest.mark.slow
def test_the_seed_decides(first_stage: Callable[..., np.ndarray]) -> None:
    assert np.abs(first_stage(steps=4) - first_stage(steps=4, seed=7)).mean() > 1e-2


@pytest.fixture(scope="module")
def known(comfy_server: ComfyServer) -> dict[str, Any]:
    """What a server without models says of its nodes."""
    return comfy_server.object_info()


def test_missing_bag_loras_are_said_and_do_not_stop_the_run(known: dict[str, Any]) -> None:
    graph = published.load("grip_sdxl.v8")
    problems = check_graph(graph, known, uploaded=[graph["1"]["inputs"]["image"]])
    loras = [problem for problem in problems if problem.class_type == "ProdgenOptionalLora"]
    assert {problem.model_id for problem in loras} == {"people-holding-bags", "hands-gripping-handles"}
    assert all(problem.severity == "warning" for problem in loras)


def gradient(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((0.3 + 0.4 * x / width, 0.45 + 0.2 * y / height, 0.6 - 0.3 * x / width), axis=-1)


def sides(mask: np.ndarray) -> np.ndarray:
    """Left, right and lower side of what is set; its upper one may be the opened handle."""
    y, x = np.nonzero(mask[..., 0] > 0.5)
    return np.array([x.min(), x.max() + 1, y.max() + 1], dtype=float)


def placed(server: ComfyServer, graph: Graph, **values: Any) -> Look:
    """The product where it is meant to be: what comes before the model, without it."""
    (place,) = nodes_of(graph, "ProdgenPlaceProduct")
    early = up_to(graph, place)
    given = {name: value for name, value in values.items() if name in inputs_of(early)}
    return smoke_runs.run(server, early, {"placed": (place, 0), "placed_mask": (place, 1)}, **given)


def test_an_edit_models_drift_is_found_before_the_original_is_pasted(smoke_server: ComfyServer, photo: str) -> None:
    """What the model would have made is drawn instead: the placed product in a scene, moved, enlarged and darker."""
    graph = published.load("grip_klein.v1")
    size = {"width": 384, "height": 512}
    shown = placed(smoke_server, graph, image=photo, **size).pictures
    mask = shown["placed_mask"][..., :1]
    scene = 0.85 * (shown["placed"] * mask + gradient(512, 384) * (1 - mask))
    scale, right, down = 1.04, 9.0, -6.0
    drifted = np.stack(
        [
            ndimage.affine_transform(
                channel, [1 / scale, 1 / scale], [-(down + 0.5) / scale + 0.5, -(right + 0.5) / scale + 0.5], order=3
            )
            for channel in np.moveaxis(scene, -1, 0)
        ],
        axis=-1,
    )
    drawn = smoke_server.upload(Image.fromarray((np.clip(drifted, 0, 1) * 255).round().astype(np.uint8)))
    (decoder,) = nodes_of(graph, "VAEDecode")
    graph[decoder] = {"class_type": "LoadImage", "inputs": {"image": drawn}, "_meta": {"title": "Generated"}}
    found = smoke_runs.run(
        smoke_server, graph, stages(graph), image=photo, **{**SMALL, **size, "min_confidence": 0.5, "scale": 1.0}
    )
    report = found.report("ProdgenRegisterProduct")
    assert report["passed"]
    there = sides(shown["placed_mask"]) * scale + (right, right, down)
    assert np.abs(sides(found.pictures["pasted_mask"]) - there).max() <= 1.0  # pixels, of masks in whole pixels
    assert found.report("ProdgenFidelity")["passed"], found.report("ProdgenFidelity")["reasons"]
    inner = inside(found.pictures["pasted_mask"], 5)
    assert inner.sum() > 1000
    assert difference(found.pictures["final"], found.pictures["scene"])[inner].mean() < 3


@pytest.mark.parametrize("name", ["grip_klein.v1"])
def test_a_scene_without_the_product_is_refused(name: str, smoke_server: ComfyServer, photo: str) -> None:
    graph = published.load(name)
    with pytest.raises(GraphError, match=r"Register.*not found again"):
        smoke_runs.run(smoke_server, graph, stages(graph), image=photo, **SMALL)


def test_hands_are_cropped_judged_and_reported(look: Callable[..., Look]) -> None:
    shown = look("grip_sdxl.v8", scale=1.0, relight=0.0)
    (judged,) = (report for report in shown.reports["ProdgenStitchHands"] if report["scored"])
    (redrawn,) = shown.reports["ProdgenRedrawHands"]
    assert judged["hands"] and len(redrawn["hands"]) == len(judged["hands"])
    assert isinstance(shown.report("ProdgenHandCheck")["passed"], bool)


@pytest.mark.parametrize("name", ON_CORE)
def test_the_prompt_comes_from_the_photo_alone(name: str, look: Callable[..., Look]) -> None:
    persona = look(name, scale=1.0, relight=0.0).report("ProdgenPersona")
    assert persona["model"] == "none"
    assert persona["fields"]["person"]


@pytest.mark.parametrize("path", [path for path in published.files() if path.stem.startswith("grip")], ids=str)
@third_party
def test_models_are_the_only_thing_a_fresh_server_lacks(
    path: Any, known: dict[str, Any], recorded: dict[str, Any]
) -> None:
    """Nodes, links and values fit; third-party nodes against their recorded schema, with what gets each model."""
    graph = published.load(path.stem)
    problems = check_graph(graph, {**recorded, **known}, uploaded=[graph["1"]["inputs"]["image"]])
    assert problems
    for problem in problems:
        assert problem.kind == "missing_model", problem.message
        assert problem.model_id, problem.message
        assert "models/" in problem.message
        assert "licence" in problem.message
    foreign = {node["class_type"] for node in graph.values()} - set(known)
    assert foreign <= set(recorded)
    assert bool(foreign) == (path.stem == "grip_sdxl.v1" or path.stem.startswith("grip_sdxl_original."))


@pytest.mark.slow
def test_the_original_recipe_runs_with_the_real_third_party_nodes(
    comfy_installation: Installation, tmp_path: Path
) -> None:
    """Up to the weights its mesh model fetches for itself: where those are out of reach, exactly that is said."""
    pack = comfy_installation.comfyui / "custom_nodes" / "comfyui_controlnet_aux"
    if not pack.is_dir():
        pytest.skip("NOT RUN: needs `python install.py --with controlnet-aux`")
    server = ComfyServer(comfy_installation, tmp_path)
    (tmp_path / "custom_nodes" / pack.name).symlink_to(pack)
    server.arguments = ["--whitelist-custom-nodes", "prodgen_nodes", pack.name]
    fill_with_smoke(server)
    server.start()
    try:
        graph = published.load("grip_sdxl_original.v2")
        image = server.upload(studio.bag(640, 640).photo)
        shown = smoke_runs.run(server, graph, stages(graph), image=image, **SMALL).pictures
        assert shown["final"].std() > 0.02
    except GraphError as refused:
        (failure,) = refused.reply
        assert failure["node_type"] == "MeshGraphormer-DepthMapPreprocessor"
        assert failure["exception_type"].endswith("LocalEntryNotFoundError")
        assert set(nodes_of(graph, "KSampler")) <= set(failure["executed"])  # the first stage was painted
    finally:
        server.stop()


def no_handle(graph: Graph) -> None:
    """As where the product has none: what would be erased is empty, and the pose model sees nobody."""
    (crop,) = nodes_of(graph, "ProdgenCropHands")
    nobody = {"__value__": [{"canvas_width": 256, "canvas_height": 384, "people": []}]}
    poses = nodes_of(graph, "SDPoseKeypointExtractor")
    for node in graph.values():
        sees = {name: nobody for name, value in node["inputs"].items() if isinstance(value, list) and value[0] in poses}
        node["inputs"] |= sees
    del graph[crop]["inputs"]["erased"]


@pytest.mark.parametrize("name", ON_CORE)
def test_with_no_hand_and_no_handle_the_first_stage_is_delivered(name: str, look: Callable[..., Look]) -> None:
    shown = look(name, change=no_handle, scale=1.0, relight=0.0)
    for report in shown.reports["ProdgenStitchHands"]:
        assert report["hands"] == [] and "no hand was found" in report["notes"][0]
    assert shown.pictures["final"].std() > 0.02
