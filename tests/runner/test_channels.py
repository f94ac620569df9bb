"""Several shops from one cut-out: the graph that is made for them, and what a real server makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from runner.errors import WorkflowError
from runner.workflow.channels import for_channels, without_channel
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.patch import patch_workflow
from runner.workflow.schema import recorded_object_info
from tests.support.comfy import ComfyServer
from tests.support.runs import Desk, Graph, command, node

SCHEMA = recorded_object_info(WORKFLOWS_DIR)
SHOPS = ("amazon", "google", "ebay")


def of_class(graph: Graph, kind: str) -> list[str]:
    return [node_id for node_id, one in graph.items() if one["class_type"] == kind]


def test_what_comes_before_the_shop_is_there_once_and_the_rest_once_a_shop() -> None:
    whole = for_channels(load_workflow("packshot"), SHOPS, SCHEMA)
    assert len(of_class(whole.graph, "ProdgenSegmentProduct")) == 1
    exports = of_class(whole.graph, "ProdgenExport")
    assert [output.name for output in whole.outputs()] == list(SHOPS)
    assert [output.node_id for output in whole.outputs()] == exports
    segment = of_class(whole.graph, "ProdgenSegmentProduct")[0]
    for export, shop in zip(exports, SHOPS, strict=True):
        chosen = whole.graph[whole.graph[export]["inputs"]["channel"][0]]
        assert chosen["inputs"]["channel"] == shop
        placed = whole.graph[whole.graph[export]["inputs"]["placement"][0]]["inputs"]
        assert placed["product"] == [segment, 0]
        assert whole.graph[placed["width"][0]] is chosen
    titles = [one["_meta"]["title"] for one in whole.graph.values() if one["class_type"] == "ProdgenFidelity"]
    assert titles == [f"Product Fidelity ({shop})" for shop in SHOPS]  # a report each, under its own name


def test_what_is_set_is_set_for_all_of_them_and_the_shops_are_no_longer_to_be_chosen() -> None:
    packshot = load_workflow("packshot")
    before = json.dumps(packshot.graph)
    whole = for_channels(packshot, ("amazon", "ebay"), SCHEMA)
    assert {spec.name for spec in packshot.inputs(SCHEMA)} - {spec.name for spec in whole.inputs(SCHEMA)} == {"channel"}
    graph = patch_workflow(whole, {"fill": 0.6}, ["photo.png"], SCHEMA)
    assert [one["inputs"]["value"] for one in graph.values() if one["_meta"]["title"] == "input: fill"] == [0.6]
    assert json.dumps(packshot.graph) == before
    assert for_channels(packshot, ("EBAY", "ebay", "Amazon"), SCHEMA).channels == ("ebay", "amazon")


def test_several_outputs_keep_their_names_before_the_shop() -> None:
    workflow = load_workflow("packshot")
    graph = {**workflow.graph, "77": node("SaveImage", "output: large", images=["13", 0], filename_prefix="x")}
    from dataclasses import replace

    whole = for_channels(replace(workflow, graph=graph), ("amazon", "ebay"), SCHEMA)
    assert {one.name for one in whole.outputs()} == {"packshot_amazon", "large_amazon", "packshot_ebay", "large_ebay"}


def test_who_names_no_shop_is_told_which_there_are() -> None:
    with pytest.raises(WorkflowError, match="Did you mean 'amazon'"):
        for_channels(load_workflow("packshot"), ("amason",), SCHEMA)
    with pytest.raises(WorkflowError, match="makes no pictures for shops"):
        for_channels(load_workflow("cutout"), ("amazon",), SCHEMA)


@pytest.mark.parametrize(
    ("template", "bare"),
    [
        (None, None),
        ("{image}_{seed}", "{image}_{seed}"),
        ("{image}_{channel}", "{image}"),
        ("{channel}/{image}", "{image}"),
        ("{channel}_{image}", "{image}"),
        ("{image}-{channel}-{seed}", "{image}-{seed}"),
        ("{channel:>8}", "{image}"),
    ],
)
def test_a_template_leaves_the_shop_to_the_end_of_each_name(template: str | None, bare: str | None) -> None:
    assert without_channel(template) == bare


def bag(path: Path) -> Path:
    """A drawn product on a plain backdrop, small: the whole graph runs in a second or two."""
    picture = Image.new("RGB", (240, 200), (236, 236, 238))
    ImageDraw.Draw(picture).rounded_rectangle((70, 60, 170, 150), 18, (150, 40, 60))
    picture.save(path)
    return path


def test_one_job_delivers_each_shop_its_picture_from_one_cut_out(comfy_server: ComfyServer, tmp_path: Path) -> None:
    desk = Desk(tmp_path, comfy_server.url)
    photo = bag(tmp_path / "bag.png")
    recipe = tmp_path / "brand.yaml"
    recipe.write_text("channels: [google, ebay]\nset: {width: 300, height: 300, cutout: plain_backdrop}", "utf-8")
    run = desk.submit("packshot", photo, "--recipe", recipe)
    assert run.code == 0, run.err
    assert [path.name for path in run.pictures] == [
        f"bag_packshot_{shop}.{kind}" for shop in ("ebay", "google") for kind in ("jpg", "png")
    ]
    (record,) = run.sidecars
    assert record["channels"] == ["google", "ebay"]
    assert sum("listing" in report for report in record["reports"].values()) == 1, "one cut-out"
    assert {"output: google", "output: ebay"} <= record["reports"].keys()
    assert record["reports"]["output: google"]["title"] != record["reports"]["output: ebay"]["title"]
    with Image.open(desk.out / "bag_packshot_google.png") as picture:
        drawn = json.loads(picture.text["workflow"])  # type: ignore[attr-defined]
    assert sum(one["type"] == "ProdgenExport" for one in drawn["nodes"]) == 2, "the canvas opens what was made"

    again = ["batch", "packshot", str(photo), "--server", desk.url, "--out", str(tmp_path / "shop")]
    again += ["--recipe", str(recipe), "--name", "{image}_{channel}"]
    made = command(*again, folder=tmp_path / "shop")
    assert made.code == 0, made.err
    assert [path.name for path in made.pictures if path.suffix == ".jpg"] == ["bag_ebay.jpg", "bag_google.jpg"]
    other = command(*again, "--resume", "--channels", "google,temu", folder=tmp_path / "shop")
    assert other.code == 2
    assert "made with another workflow" in other.err
