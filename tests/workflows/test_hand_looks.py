"""Check Hands in the grip workflows looks at a failing hand again, in the mirrored picture, and at no other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from runner.workflow.graph import up_to
from tests.imaging import hand_models as model
from tests.imaging.test_hands import HEIGHT, LEFT, RIGHT, WIDTH, frame, person
from tests.support.comfy import ComfyServer, GraphError
from tests.workflows import published
from tests.workflows.published import Graph
from tests.workflows.smoke_runs import nodes_of, on_smoke_models

LONG = model.lengthened(RIGHT, 1)
CHECKED = [path for path in published.newest() if nodes_of(published.load(path.stem), "ProdgenHandCheck")]
EACH = pytest.mark.parametrize("path", CHECKED, ids=lambda path: path.stem)


def literal(hand: model.Points) -> dict[str, Any]:
    """What a pose model would have found, as a value in the graph: a bare list would be taken for a link."""
    return {"__value__": [frame(person(first=hand, second=LEFT))]}


def check_alone(path: Path, hand: model.Points, picture: str) -> tuple[Graph, str]:
    """Of the workflow only Check Hands and its second look, at a given picture in which `hand` was found."""
    graph = on_smoke_models(published.load(path.stem))
    (check,) = nodes_of(graph, "ProdgenHandCheck")
    seen = graph[check]["inputs"]["image"]
    given = {"class_type": "LoadImage", "inputs": {"image": picture}, "_meta": {"title": "Given"}}
    for node in graph.values():
        node["inputs"] = {name: ["given", 0] if value == seen else value for name, value in node["inputs"].items()}
    graph[check]["inputs"]["keypoints"] = literal(hand)
    del graph[check]["inputs"]["erased"]
    return up_to({**graph, "given": given}, check), check


@pytest.fixture(scope="module")
def picture(smoke_server: ComfyServer) -> str:
    return smoke_server.upload(Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB"))


def test_there_are_workflows_that_check_hands() -> None:
    assert {path.stem.rpartition(".")[0] for path in CHECKED} == {"grip_sdxl", "grip_sdxl_fast"}


@EACH
def test_the_second_look_is_the_first_one_mirrored(path: Path) -> None:
    graph = published.load(path.stem)
    (check,) = (graph[node]["inputs"] for node in nodes_of(graph, "ProdgenHandCheck"))
    first, second = (graph[check[name][0]] for name in ("keypoints", "keypoints_mirrored"))
    assert first["class_type"] == second["class_type"] == "SDPoseKeypointExtractor"
    mirrored = {"image": second["inputs"]["image"], "bboxes": second["inputs"]["bboxes"]}
    assert second["inputs"] == {**first["inputs"], **mirrored}
    boxes, seen = (graph[node["inputs"]["bboxes"][0]]["inputs"] for node in (second, first))
    assert boxes == {**seen, "image": mirrored["image"]}
    flip = graph[mirrored["image"][0]]
    assert flip["class_type"] == "ImageFlip"
    assert flip["inputs"] == {"image": check["image"], "flip_method": "y-axis: horizontally"}
    assert first["inputs"]["image"] == check["image"]


@EACH
def test_no_hand_is_looked_at_again_where_all_pass(path: Path, picture: str, smoke_server: ComfyServer) -> None:
    """With a detector of people that is none, the second look fails as soon as it is asked for."""
    for hand, asked in ((RIGHT, False), (LONG, True)):
        graph, check = check_alone(path, hand, picture)
        (people,) = nodes_of(graph, "RTDETR_detect")
        (pose,) = nodes_of(graph, "SDPoseKeypointExtractor")
        graph[people]["inputs"]["model"] = graph[pose]["inputs"]["model"]
        if asked:
            with pytest.raises(GraphError) as refused:
                smoke_server.run(graph)
            assert [failure["node_id"] for failure in refused.value.reply] == [people]
        else:
            report = json.loads(smoke_server.run(graph)[check]["text"][0])
            assert report["passed"] is True
            assert [hand["found_again"] for hand in report["hands"]] == [False, False]


@pytest.mark.slow
@EACH
def test_a_failing_hand_is_looked_at_again(path: Path, picture: str, smoke_server: ComfyServer) -> None:
    """By models of made-up weights, which find no hand that could speak for it."""
    graph, check = check_alone(path, LONG, picture)
    (people,) = nodes_of(graph, "RTDETR_detect")
    graph[people]["inputs"]["max_detections"] = 1  # each costs the pose model a pass at its own size
    report = json.loads(smoke_server.run(graph)[check]["text"][0])
    assert report["passed"] is False
    assert [hand["found_again"] for hand in report["hands"]] == [False, False]
