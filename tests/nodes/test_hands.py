"""Check, crop and put back hands on a real server; pose points travel in the graph as a literal value of their wire."""

from __future__ import annotations

import colorsys
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.imaging import hand_models as model
from tests.imaging.test_hands import BODY, HEIGHT, LEFT, RIGHT, WIDTH, frame, person
from tests.support.comfy import ComfyServer, GraphError

Graph = dict[str, Any]
BAD = model.lengthened(RIGHT, 1)
SIZE = 256


def scene() -> Image.Image:
    """A gradient with a stick figure's hands as discs, enough to see where crops come from."""
    rows = np.linspace(60, 190, HEIGHT, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 50, WIDTH, dtype=np.float32)[None, :, None]
    picture = Image.fromarray(np.broadcast_to(rows + columns, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for x, y in (*RIGHT, *LEFT):
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=(224, 172, 140))
    return picture


def literal(*frames: dict[str, Any]) -> dict[str, Any]:
    """Frames as a value in the graph; a bare list would be taken for a link."""
    return {"__value__": list(frames)}


def report_of(outputs: dict[str, dict[str, Any]], node: str) -> dict[str, Any]:
    return dict(json.loads(outputs[node]["text"][0]))


def saved(server: ComfyServer, outputs: dict[str, dict[str, Any]], node: str, index: int = 0) -> np.ndarray:
    picture = server.picture(outputs[node]["images"][index]).convert("RGB")
    return np.asarray(picture, dtype=np.float32) / 255


def check_graph(*frames: dict[str, Any], picture: str | None = None, **settings: Any) -> Graph:
    inputs = {"keypoints": literal(*frames), "people": 1, "min_score": 0.5, **settings}
    graph: Graph = {"2": {"class_type": "ProdgenHandCheck", "inputs": inputs}}
    if picture is not None:
        graph["1"] = {"class_type": "LoadImage", "inputs": {"image": picture}}
        inputs["image"] = ["1", 0]
    return graph


def fix_graph(picture: str, found: dict[str, Any] | None, refine: bool = False, **settings: Any) -> Graph:
    """Crop, refine by inverting (or not at all), put back."""
    crop = {"image": ["1", 0], "size": SIZE, "context": 1.6, "max_hands": 2}
    if found is not None:
        crop["keypoints"] = literal(found)
    graph: Graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": picture}},
        "2": {"class_type": "ProdgenCropHands", "inputs": crop},
        "3": {
            "class_type": "ProdgenStitchHands",
            "inputs": {
                "image": ["1", 0],
                "refined": ["4", 0] if refine else ["2", 0],
                "hand_crops": ["2", 2],
                "keep": "always",
                "min_gain": 0.02,
                "feather": 4.0,
                "masks": ["2", 1],
                **settings,
            },
        },
        "4": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
        "5": {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "crops"}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "result"}},
        "7": {"class_type": "MaskToImage", "inputs": {"mask": ["3", 1]}},
        "8": {"class_type": "SaveImage", "inputs": {"images": ["7", 0], "filename_prefix": "changed"}},
    }
    if not refine:
        del graph["4"]
    return graph


def with_grip(graph: Graph, server: ComfyServer) -> Graph:
    """The same with the erased part of a handle at (255, 600), from a picture's red channel."""
    erased = Image.new("RGB", (WIDTH, HEIGHT))
    ImageDraw.Draw(erased).rectangle((235, 592, 275, 608), fill=(255, 255, 255))
    graph["10"] = {"class_type": "LoadImageMask", "inputs": {"image": server.upload(erased), "channel": "red"}}
    for node in graph.values():
        if node["class_type"] in ("ProdgenCropHands", "ProdgenHandCheck"):
            node["inputs"]["erased"] = ["10", 0]
    return graph


def test_a_good_picture_passes_and_a_bad_hand_does_not(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(scene())
    good = comfy_server.run(check_graph(frame(person(first=RIGHT, second=LEFT)), picture=picture))
    report = report_of(good, "2")
    assert report["passed"] is True and report["people"] == 1 and report["reasons"] == []
    assert {hand["side"] for hand in report["hands"]} == {"left", "right"}
    assert good["2"]["images"], "a preview"
    bad = report_of(comfy_server.run(check_graph(frame(person(first=BAD, second=LEFT)))), "2")
    assert bad["passed"] is False and "right hand" in bad["reasons"][0] and "length" in bad["reasons"][0]


def mirrored(hand: model.Points) -> model.Points:
    return hand * (-1, 1) + (WIDTH, 0)


def test_a_failing_hand_is_found_again_in_the_mirrored_picture(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(scene())
    body = mirrored(BODY)
    for again, passed in ((RIGHT, True), (BAD, False)):
        look = literal(frame(person(body, first=mirrored(again), second=mirrored(LEFT))))
        graph = check_graph(frame(person(first=BAD, second=LEFT)), picture=picture, keypoints_mirrored=look)
        report = report_of(comfy_server.run(graph), "2")
        assert report["passed"] is passed
        assert [hand["found_again"] for hand in report["hands"] if hand["side"] == "right"] == [passed]


def test_nothing_is_found_again_where_all_hands_pass(comfy_server: ComfyServer) -> None:
    """What gives the points of the mirrored picture fails here, if it is asked."""
    picture = comfy_server.upload(scene())
    good, bad = (frame(person(first=hand, second=LEFT)) for hand in (RIGHT, BAD))
    for found, asked in ((good, False), (bad, True)):
        graph = check_graph(found, picture=picture, keypoints_mirrored=["4", 0])
        crop = {"image": ["1", 0], "size": SIZE, "context": 1.6, "max_hands": 2, "keypoints": literal(found)}
        graph["3"] = {"class_type": "ProdgenCropHands", "inputs": crop}
        graph["4"] = {
            "class_type": "ProdgenRedrawHands",
            "inputs": {"hand_crops": ["3", 2], "keypoints": literal(good, good)},
        }
        if asked:
            with pytest.raises(GraphError, match="2 frame"):
                comfy_server.run(graph)
        else:
            assert report_of(comfy_server.run(graph), "2")["passed"] is True


def test_two_people_and_a_missing_hand_at_the_grip(comfy_server: ComfyServer) -> None:
    picture = comfy_server.upload(scene())
    two = frame(person(first=RIGHT), person(BODY + np.array((350.0, 0.0))))
    graph = with_grip(check_graph(two, picture=picture), comfy_server)
    report = report_of(comfy_server.run(graph), "2")
    assert report["reasons"] == ["two people in the picture"] and report["hand_at_grip"] is True
    graph = with_grip(check_graph(frame(person(second=LEFT)), picture=picture), comfy_server)
    report = report_of(comfy_server.run(graph), "2")
    assert report["hand_at_grip"] is False and report["reasons"] == ["no hand at the handle"]


def test_several_frames_are_judged_one_by_one(comfy_server: ComfyServer) -> None:
    report = report_of(comfy_server.run(check_graph(frame(person(first=RIGHT)), frame())), "2")
    assert report["people"] == [1, 0] and report["passed"] is False
    assert report["reasons"] == ["picture 2: nobody in the picture, 1 expected"]
    assert [entry["passed"] for entry in report["items"]] == [True, False]


def test_unchanged_crops_come_back_unchanged(comfy_server: ComfyServer) -> None:
    original = scene()
    outputs = comfy_server.run(fix_graph(comfy_server.upload(original), frame(person(first=RIGHT, second=LEFT))))
    report = report_of(outputs, "2")
    assert report["crops"] == 2 and {hand["side"] for hand in report["hands"]} == {"left", "right"}
    assert all(hand["before"] > 0.8 and hand["found_by"] == "keypoints" for hand in report["hands"])
    assert saved(comfy_server, outputs, "5").shape == (SIZE, SIZE, 3) and len(outputs["5"]["images"]) == 2
    result = saved(comfy_server, outputs, "6")
    np.testing.assert_allclose(result, np.asarray(original, dtype=np.float32) / 255, atol=1.01 / 255)


def test_only_the_better_hand_is_put_back(comfy_server: ComfyServer) -> None:
    original = np.asarray(scene(), dtype=np.float32) / 255
    picture = comfy_server.upload(scene())
    entry = frame(person(first=BAD, second=LEFT))
    plan = report_of(comfy_server.run(fix_graph(picture, entry)), "2")["hands"]
    assert plan[0]["side"] == "right", "the worst comes first"
    refined = []
    for hand, points in zip(plan, (RIGHT, model.lengthened(LEFT, 1)), strict=True):
        left, top, right, _ = hand["box"]
        inside = (points - (left, top)) * (SIZE / (right - left))
        refined.append(frame({"hand_left_keypoints_2d": model.pose_list(inside)}, width=SIZE, height=SIZE))
    graph = fix_graph(picture, entry, refine=True, keep="if_better", keypoints=literal(*refined))
    outputs = comfy_server.run(graph)
    report = report_of(outputs, "3")
    assert [hand["kept"] for hand in report["hands"]] == [True, False] and report["kept"] == 1
    assert report["hands"][0]["after"] > report["hands"][0]["before"]
    result, changed = saved(comfy_server, outputs, "6"), saved(comfy_server, outputs, "8")[..., 0]
    # A mask of less than half an 8-bit step is 0 in its PNG; a little further off, every bit is the same.
    np.testing.assert_allclose(result[changed == 0], original[changed == 0], atol=1.01 / 255)
    rows, columns = np.nonzero(changed)
    far = np.ones(changed.shape, dtype=bool)
    far[rows.min() - 12 : rows.max() + 13, columns.min() - 12 : columns.max() + 13] = False
    np.testing.assert_array_equal(result[far], original[far])
    x, y = (int(value) for value in RIGHT[9])
    assert changed[y, x] > 0.99 and abs(result[y, x] - original[y, x]).max() > 0.05
    assert not changed[:, 450:].any(), "the left hand stays"


def test_without_pose_points_the_grip_is_cropped(comfy_server: ComfyServer) -> None:
    graph = with_grip(fix_graph(comfy_server.upload(scene()), None, refine=True, keep="if_better"), comfy_server)
    outputs = comfy_server.run(graph)
    report = report_of(outputs, "2")
    (hand,) = report["hands"]
    assert hand["found_by"] == "grip" and hand["before"] is None
    left, top, right, bottom = hand["box"]
    assert (left + right) / 2 == pytest.approx(255.5, abs=1) and (top + bottom) / 2 == pytest.approx(600.5, abs=1)
    put = report_of(outputs, "3")
    assert put["scored"] is False and put["hands"][0]["why"]


def test_with_neither_the_node_says_what_to_connect(comfy_server: ComfyServer) -> None:
    with pytest.raises(GraphError, match="nothing says where a hand could be"):
        comfy_server.run(fix_graph(comfy_server.upload(scene()), None))


def test_with_no_hand_and_no_grip_the_picture_goes_on_and_nothing_is_refined(comfy_server: ComfyServer) -> None:
    original = scene()
    graph = fix_graph(comfy_server.upload(original), frame(person()), refine=True)
    # A refinement that cannot work: it must not even be asked for.
    graph["4"] = {"class_type": "ProdgenCropHands", "inputs": dict(graph["2"]["inputs"]) | {"size": 320}}
    del graph["4"]["inputs"]["keypoints"]
    outputs = comfy_server.run(graph)
    for node in ("2", "3"):
        (note,) = report_of(outputs, node)["notes"]
        assert "no hand was found" in note
    assert report_of(outputs, "3")["hands"] == [] and report_of(outputs, "2")["crops"] == 0
    np.testing.assert_array_equal(saved(comfy_server, outputs, "6"), np.asarray(original, dtype=np.float32) / 255)
    assert not saved(comfy_server, outputs, "8").any()


def test_hands_are_judged_in_the_whole_picture(comfy_server: ComfyServer) -> None:
    entry, better = frame(person(first=BAD, second=LEFT)), frame(person(first=RIGHT, second=model.lengthened(LEFT, 1)))
    graph = fix_graph(comfy_server.upload(scene()), entry, refine=True, keep="if_better", found_in="picture")
    graph["3"]["inputs"] |= {"keypoints": literal(better), "keypoints_before": literal(entry)}
    report = report_of(comfy_server.run(graph), "3")
    assert [hand["kept"] for hand in report["hands"]] == [True, False]
    assert [hand["side"] for hand in report["hands"]] == ["right", "left"]


def test_a_broken_hand_is_redrawn_and_drawn_as_an_openpose_hand(comfy_server: ComfyServer) -> None:
    graph = fix_graph(comfy_server.upload(scene()), frame(person(first=BAD)))
    graph["4"] = {
        "class_type": "ProdgenRedrawHands",
        "inputs": {"hand_crops": ["2", 2], "keypoints": literal(frame(person(first=BAD)))},
    }
    drawing = {"draw_body": False, "draw_hands": True, "draw_face": False, "draw_feet": False, "draw_head": False}
    graph["9"] = {
        "class_type": "SDPoseDrawKeypoints",
        "inputs": {
            "keypoints": ["4", 0], "stick_width": 4, "face_point_size": 3, "score_threshold": 0.3, **drawing
        },
    }  # fmt: skip
    graph["11"] = {"class_type": "SaveImage", "inputs": {"images": ["9", 0], "filename_prefix": "drawn"}}
    outputs = comfy_server.run(graph)
    (hand,) = report_of(outputs, "4")["hands"]
    assert hand["found"] and hand["moved"] > 0.05 and hand["side"] == "right"
    drawn = (saved(comfy_server, outputs, "11") * 255).round().astype(int)
    assert drawn.shape == (SIZE, SIZE, 3)
    colours = {tuple(int(level) for level in colour) for colour in np.unique(drawn.reshape(-1, 3), axis=0)}
    # DWPose's hand: blue joints and twenty bones around the colour wheel, on black.
    wheel = {tuple(int(v * 255) for v in colorsys.hsv_to_rgb(bone / 20, 1.0, 1.0)) for bone in range(20)}
    assert colours <= wheel | {(0, 0, 0), (0, 0, 255)}
    assert len(colours) >= 16 and (0, 0, 255) in colours


@pytest.mark.parametrize(
    ("frames", "said"), [([frame(), frame()], "2 frame.* 1 picture"), ([{"people": []}], "how large its canvas")]
)
def test_keypoints_of_other_pictures_are_refused(
    comfy_server: ComfyServer, frames: list[dict[str, Any]], said: str
) -> None:
    with pytest.raises(GraphError, match=said):
        comfy_server.run(check_graph(*frames, picture=comfy_server.upload(scene())))


def test_refined_crops_must_fit(comfy_server: ComfyServer) -> None:
    graph = fix_graph(comfy_server.upload(scene()), frame(person(first=RIGHT)))
    graph["3"]["inputs"]["refined"] = ["1", 0]
    del graph["3"]["inputs"]["masks"]
    with pytest.raises(GraphError, match="1 square crop"):
        comfy_server.run(graph)


@pytest.mark.parametrize(
    ("node", "outputs"),
    [
        ("ProdgenHandCheck", ["report"]),
        ("ProdgenCropHands", ["crops", "masks", "hand_crops", "report"]),
        ("ProdgenStitchHands", ["image", "mask", "report"]),
        ("ProdgenRedrawHands", ["keypoints", "report"]),
    ],
)
def test_outputs_come_in_their_order(comfy_server: ComfyServer, node: str, outputs: list[str]) -> None:
    assert comfy_server.object_info(node)["output_name"] == outputs
