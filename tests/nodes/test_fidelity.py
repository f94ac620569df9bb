"""Product Fidelity on a real server, after placing and pasting with the pack's own nodes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.support.comfy import ComfyServer, GraphError

SIDE = 320


def product() -> Image.Image:
    """A checked blue box with soft edges."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    check = 0.7 + 0.3 * (((x // 12) + (y // 12)) % 2)[..., None]
    color = np.array([50.0, 90.0, 190.0]) * check
    alpha = Image.fromarray((((x >= 60) & (x < 260) & (y >= 90) & (y < 290)) * 255).astype(np.uint8))
    picture = Image.fromarray(color.round().astype(np.uint8))
    picture.putalpha(alpha.filter(ImageFilter.GaussianBlur(0.8)))
    return picture


def graph(picture: str, scene: str | None = None, mask: list[Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Place the product on white, then judge the canvas itself or another picture given by name."""
    prompt: dict[str, Any] = {
        "1": {"class_type": "LoadImage", "inputs": {"image": picture}},
        "2": {"class_type": "InvertMask", "inputs": {"mask": ["1", 1]}},
        "3": {
            "class_type": "ProdgenPlaceProduct",
            "inputs": {
                "product": ["1", 0],
                "mask": ["2", 0],
                "width": 400,
                "height": 400,
                "pose": "centered",
                "fill": 0.6,
                "offset_x": 0.0,
                "offset_y": 0.0,
                "background": "#ffffff",
            },
        },
        "4": {
            "class_type": "ProdgenFidelity",
            "inputs": {
                "image": ["3", 0],
                "product": ["1", 0],
                "mask": mask or ["2", 0],
                "placement": ["3", 2],
                "check_floating": False,
                **settings,
            },
        },
        "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "fidelity"}},
    }
    if scene is not None:
        prompt["6"] = {"class_type": "LoadImage", "inputs": {"image": scene}}
        prompt["4"]["inputs"]["image"] = ["6", 0]
    return prompt


def judged(server: ComfyServer, prompt: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    outputs = server.run(prompt)
    assert outputs["4"]["images"], "the difference is shown in the node"
    return dict(json.loads(outputs["4"]["text"][0])), outputs


@pytest.fixture(scope="module")
def photo(comfy_server: ComfyServer) -> str:
    return comfy_server.upload(product())


def test_the_placed_product_is_the_product(comfy_server: ComfyServer, photo: str) -> None:
    report, _ = judged(comfy_server, graph(photo))
    assert report["passed"] is True and report["reasons"] == []
    assert report["delta_e00_mean"] < 0.1 and report["ssim"] > 0.99 and report["floating"] is None
    assert set(report) >= {"delta_e00_mean", "delta_e00_p95", "hue_error_deg", "ssim", "edge_halo", "floating"}


def test_no_shadow_means_floating(comfy_server: ComfyServer, photo: str) -> None:
    report, _ = judged(comfy_server, graph(photo, check_floating=True))
    assert report["floating"] is True and report["passed"] is False
    assert any("float" in reason for reason in report["reasons"])


def test_another_colour_is_found_and_named(comfy_server: ComfyServer, photo: str) -> None:
    _, outputs = judged(comfy_server, graph(photo))
    canvas = np.asarray(comfy_server.picture(outputs["5"]["images"][0]).convert("RGB"))
    swapped = comfy_server.upload(Image.fromarray(np.ascontiguousarray(canvas[..., ::-1])))
    report, _ = judged(comfy_server, graph(photo, swapped))
    assert report["passed"] is False and report["hue_error_deg"] > 60
    assert any("hue" in reason for reason in report["reasons"])
    lenient, _ = judged(
        comfy_server,
        graph(photo, swapped, max_delta_e00_mean=100, max_delta_e00_p95=100, max_hue_error_deg=180, min_ssim=0),
    )
    assert lenient["passed"] is True, "thresholds are inputs"


def test_darker_light_passes_only_as_relit(comfy_server: ComfyServer, photo: str) -> None:
    _, outputs = judged(comfy_server, graph(photo))
    canvas = np.asarray(comfy_server.picture(outputs["5"]["images"][0]).convert("RGB"), dtype=np.float64) / 255
    linear = np.where(canvas <= 0.04045, canvas / 12.92, ((canvas + 0.055) / 1.055) ** 2.4) * 0.4
    dark = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    scene = comfy_server.upload(Image.fromarray((dark * 255).round().astype(np.uint8)))
    assert judged(comfy_server, graph(photo, scene))[0]["passed"] is False
    report, _ = judged(comfy_server, graph(photo, scene, compare="relit"))
    assert report["passed"] is True and report["light_ratio_median"] == pytest.approx(0.4, abs=0.02)


def test_a_file_without_alpha_is_explained(comfy_server: ComfyServer) -> None:
    opaque = comfy_server.upload(product().convert("RGB"))
    with pytest.raises(GraphError, match="mask"):
        comfy_server.run(graph(opaque, mask=["1", 1]))


def test_every_input_explains_itself(comfy_server: ComfyServer) -> None:
    info = comfy_server.object_info("ProdgenFidelity")
    assert info["output_name"] == ["report"] and list(info["input"]["required"]) == ["image", "product", "mask"]
    for name, spec in {**info["input"]["required"], **info["input"]["optional"]}.items():
        assert spec[1].get("tooltip"), f"{name} has no tooltip"


def test_a_painted_over_place_is_named_and_shown(comfy_server: ComfyServer, photo: str) -> None:
    _, outputs = judged(comfy_server, graph(photo))
    canvas = np.asarray(comfy_server.picture(outputs["5"]["images"][0]).convert("RGB")).copy()
    canvas[260:280, 130:150] = (220, 40, 40)
    report, outputs = judged(comfy_server, graph(photo, comfy_server.upload(Image.fromarray(canvas))))
    assert report["passed"] is False and report["delta_e00_mean"] < 3
    assert any(reason.startswith("lower left: ") for reason in report["reasons"]), report["reasons"]
    shown = np.asarray(comfy_server.picture(outputs["4"]["images"][0]).convert("RGB")).astype(int)
    hot = (shown[..., 0] - shown[..., 2] > 100) & (shown[..., 0] > 180)
    rows, columns = np.nonzero(hot)
    assert hot.any() and 130 < columns.mean() < 150 and 260 < rows.mean() < 280


def test_the_photo_tells_whether_the_cut_out_is_whole(comfy_server: ComfyServer) -> None:
    flat = Image.new("RGB", (SIDE, SIDE), (225, 225, 225))
    whole = product()
    flat.paste(whole, mask=whole.getchannel("A"))
    alpha = np.asarray(whole.getchannel("A")).copy()
    alpha[262:, 60:88] = 0
    bitten = whole.copy()
    bitten.putalpha(Image.fromarray(alpha))
    loaded = {"class_type": "LoadImage", "inputs": {"image": comfy_server.upload(flat)}}
    for cut, found in ((whole, True), (bitten, False)):
        prompt = graph(comfy_server.upload(cut), photo=["7", 0]) | {"7": loaded}
        report, _ = judged(comfy_server, prompt)
        assert report["whole"] is found, report
        assert report["passed"] is found
    assert report["missing"] == ["lower left"]
