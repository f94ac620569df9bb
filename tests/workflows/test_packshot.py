"""packshot.v1 end to end on a real ComfyUI: what a seller gets, by its pixels."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from prodgen_nodes.shops.channels import CHANNELS
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from runner.workflow.load import available_workflows
from tests.support.comfy import REPO, ComfyServer, GraphError
from tests.workflows import published, studio
from tests.workflows.published import Result

SHADOWED = ("master", "google", "shopify", "ebay", "etsy")
SIZES = {
    "master": (2000, 2000), "amazon": (2000, 2000), "google": (1500, 1500), "zalando": (1801, 2600),
    "shopify": (2048, 2048), "ebay": (1600, 1600), "etsy": (2000, 2000), "walmart": (2200, 2200), "temu": (1350, 1800),
}  # fmt: skip
FILLS = {"amazon": 0.88, "google": 0.84, "ebay": 0.85}
LIMITS = {
    "master": 5e6, "amazon": 10e6, "google": 16e6, "ebay": 12e6, "etsy": 10e6, "walmart": 5e6, "temu": 2e6,
}  # fmt: skip
EACH_KIND = ("master", "zalando")
"""Square with a shadow, and tall without. The others, 10 to 15 seconds of a core apiece, say the same of another
size and limit, and are run with the longer proofs; that each shop's rules are kept is asked in `tests/shops`."""
GRAPH = published.load("packshot.v1")


def packshot(server: ComfyServer, photo: Image.Image, **values: object) -> Result:
    return published.run(server, published.with_values(GRAPH, image=server.upload(photo), **values))


def truth_on_canvas(shot: studio.Shot, result: Result, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The product's true colours and coverage where the report says it was placed: `[H,W,3]` sRGB 0..1, `[H,W]`."""
    place = result.reports["ProdgenPlaceProduct"]
    scale, (left, top, *_), (x, y, *_) = place["scale"], place["canvas_box"], place["product_box"]
    offset = np.array((y - top / scale, x - left / scale)) + 0.5 / scale - 0.5
    shape = (size[1], size[0])
    alpha = ndimage.affine_transform(shot.alpha, (1 / scale, 1 / scale), offset, shape, order=1)
    planes = [
        ndimage.affine_transform(shot.product[..., k], (1 / scale, 1 / scale), offset, shape, order=3, mode="nearest")
        for k in range(3)
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 1), alpha


def product_rows_and_columns(pixels: np.ndarray) -> tuple[int, int]:
    """Height and width of what is red (the product) in the finished picture; a shadow is grey."""
    red = pixels[..., 0] - pixels[..., 1] > 24
    return int(red.any(axis=1).sum()), int(red.any(axis=0).sum())


def assert_same_product(shot: studio.Shot, result: Result) -> np.ndarray:
    """Returns the product's true coverage where it was placed, `[H,W]`."""
    picture = np.asarray(result.picture(".png"))
    expected, alpha = truth_on_canvas(shot, result, (picture.shape[1], picture.shape[0]))
    inside = ndimage.binary_erosion(alpha > 0.99, iterations=5)
    own, true = picture[inside] / 255.0, expected[inside]
    # The photo carries sensor noise (sigma 0.004) that the truth does not: about ΔE00 0.5 on a dark red.
    assert deltaE_ciede2000(rgb2lab(own), rgb2lab(true)).mean() <= 1.0
    assert np.abs(own.mean() - true.mean()) < 0.004
    return alpha


def border(pixels: np.ndarray, width: int = 12) -> np.ndarray:
    return np.concatenate(
        [part.reshape(-1, 3) for part in (pixels[:width], pixels[-width:], pixels[:, :width], pixels[:, -width:])]
    )


@pytest.fixture(scope="module")
def shot() -> studio.Shot:
    return studio.bag()


def test_what_each_shop_is_to_be_given() -> None:
    """The presets that the pictures are made by; of which kinds pictures are made here, `EACH_KIND` says."""
    presets = {name: CHANNELS[name] for name in SIZES}
    assert {name: (preset.width, preset.height) for name, preset in presets.items()} == SIZES
    assert {name for name, preset in presets.items() if preset.shadow > 0} == set(SHADOWED)
    for name, preset in presets.items():
        assert preset.fill == pytest.approx(FILLS.get(name, 0.86), abs=0.01) or preset.width != preset.height
        assert name not in LIMITS or preset.max_bytes <= LIMITS[name]


@pytest.mark.parametrize(
    "channel", [name if name in EACH_KIND else pytest.param(name, marks=pytest.mark.slow) for name in SIZES]
)
def test_every_channel_gets_its_picture(comfy_server: ComfyServer, shot: studio.Shot, channel: str) -> None:
    result = packshot(comfy_server, shot.photo, channel=channel)
    report = result.reports["ProdgenExport"]
    width, height = SIZES[channel]
    assert [name.rsplit(".", 1)[1] for name, _ in result.files] == ["jpg", "png"]
    for ending in (".jpg", ".png"):
        assert result.picture(ending).size == (width, height)
        assert result.picture(ending).mode == "RGB"
        assert (border(result.pixels(ending)) == 255).all()
    assert len(result.data(".jpg")) <= LIMITS.get(channel, 20e6)

    pixels = result.pixels(".png")
    tall, wide = product_rows_and_columns(pixels)
    share = max(tall / height, wide / width)
    if width == height:
        assert share == pytest.approx(FILLS.get(channel, 0.86), abs=0.01)
    else:  # on a page of another shape the width may be what runs out first
        assert 0.85 <= share <= 0.91
    alpha = assert_same_product(shot, result)

    outside = ~ndimage.binary_dilation(alpha > 0.001, iterations=6)
    darkest = pixels[outside].min()
    if channel in SHADOWED:
        assert darkest < 245, "no contact shadow"
        bottom = result.reports["ProdgenPlaceProduct"]["canvas_box"][3]
        above = outside.copy()
        above[int(bottom - 0.25 * height) :] = False
        assert (pixels[above] == 255).all(), "a shadow above the ground behind the product"
    else:
        assert darkest == 255

    assert report["channel"] == channel
    # The photo is small on purpose: the enlargement must be flagged, and nothing else may fail.
    assert report["failed"] == ["enlargement"]
    assert not report["passed"]
    assert report["checks"]["product unchanged"]
    assert any(line.startswith("FAIL  enlargement: ×") for line in report["rules"])
    others = [line for line in report["rules"] if "enlargement" not in line and "not checked" not in line]
    assert all(line.startswith("pass") for line in others), others


def test_the_example_is_a_packshot_that_passes_everything(comfy_server: ComfyServer) -> None:
    with Image.open(REPO / "examples" / "handbag.jpg") as opened:
        photo = opened.convert("RGB")
    result = packshot(comfy_server, photo)
    report = result.reports["ProdgenExport"]
    assert report["failed"] == []
    assert report["passed"]
    assert result.picture(".jpg").size == (2000, 2000)
    assert result.reports["ProdgenFidelity"]["passed"]
    assert result.reports["ProdgenFidelity"]["delta_e00_mean"] <= 1.0
    assert result.reports["ProdgenPlaceProduct"]["fill"] == pytest.approx(0.86, abs=0.01)
    pixels = result.pixels(".png")
    assert result.reports["ProdgenSegmentProduct"]["holes"] >= 1
    assert (pixels[460:600, 880:1080] == 255).all(), "the old backdrop still shows through the handle"
    below = pixels[1870:1990, 1600:1740].min(axis=2)
    assert below.min() > 150, "contact shadow of the photo was kept as product under the right corner"


def test_the_png_opens_as_this_graph_and_the_jpeg_tells_nothing(comfy_server: ComfyServer, shot: studio.Shot) -> None:
    graph = published.with_values(GRAPH, image=comfy_server.upload(shot.photo), width=640, height=640)
    result = published.run(comfy_server, graph)
    written = json.loads(result.picture(".png").info["prompt"])
    for node in written.values():
        node.pop("is_changed", None)  # ComfyUI's own note about the input file
    assert written == graph
    jpeg = result.data(".jpg")
    assert b"ProdgenExport" not in jpeg
    assert b"class_type" not in jpeg
    assert result.picture(".jpg").info["icc_profile"]
    assert not result.picture(".jpg").getexif()


def test_a_sellers_wishes_replace_the_presets(comfy_server: ComfyServer, shot: studio.Shot) -> None:
    result = packshot(
        comfy_server, shot.photo, channel="shopify", width=640, height=800, fill=0.6, background="#e6ecf0", shadow=0.0
    )
    pixels = result.pixels(".png")
    assert pixels.shape == (800, 640, 3)
    assert (border(pixels) == (0xE6, 0xEC, 0xF0)).all()
    alpha = assert_same_product(shot, result)
    outside = ~ndimage.binary_dilation(alpha > 0.001, iterations=6)
    assert (pixels[outside] == (0xE6, 0xEC, 0xF0)).all(), "a shadow although none was wished"
    assert result.reports["ProdgenExport"]["passed"]


def test_a_wish_that_breaks_the_shops_rule_is_flagged(comfy_server: ComfyServer, shot: studio.Shot) -> None:
    result = packshot(
        comfy_server, shot.photo, channel="amazon", width=640, height=640, fill=0.5, background="#fafafa", shadow=0.6
    )
    assert set(result.reports["ProdgenExport"]["failed"]) >= {"fill", "border", "background", "shadow"}


def test_a_photo_that_is_cut_out_already_keeps_its_own_alpha(comfy_server: ComfyServer, shot: studio.Shot) -> None:
    alpha = Image.fromarray(np.rint(shot.alpha * 255).astype(np.uint8))
    cut = Image.fromarray(np.rint(shot.product * 255).astype(np.uint8))
    cut.putalpha(alpha)
    result = packshot(comfy_server, cut, channel="shopify", width=600, height=600)
    assert result.reports["ProdgenSegmentProduct"]["method"] == "file_alpha"
    assert result.reports["ProdgenExport"]["failed"] == []
    assert_same_product(shot, result)


@pytest.mark.parametrize("name", ["packshot", "packshot_birefnet", "packshot_video"])
def test_no_packshot_lays_the_product_over_itself(name: str) -> None:
    """What covers half would cover three quarters: the canvas under the shadow holds the product already."""
    graph = published.load(f"{name}.v{max(available_workflows()[name])}")
    kinds = [node["class_type"] for node in graph.values()]
    assert "ProdgenGroundShadow" in kinds
    assert "ProdgenPasteBack" not in kinds


@pytest.mark.first(1)
@pytest.mark.parametrize("cover", [64, 120, 200])
def test_glass_covers_as_much_as_in_its_own_file(comfy_server: ComfyServer, cover: int) -> None:
    color, side = np.array([20, 110, 60]), 400
    pixels = np.zeros((side, side, 4), dtype=np.uint8)
    pixels[150:370, 130:270] = (245, 90, 40, 255)
    pixels[40:150, 175:225] = (*color, cover)
    pixels[30:40, 170:230] = (245, 90, 40, 255)
    graph = published.load(f"packshot.v{max(available_workflows()['packshot'])}")
    photo = comfy_server.upload(Image.fromarray(pixels))
    values = {"channel": "amazon", "width": 500, "height": 500, "shadow": 0.0}
    result = published.run(comfy_server, published.with_values(graph, image=photo, **values))
    assert result.reports["ProdgenFidelity"]["whole"] is not False, "nothing was cut away"
    place = result.reports["ProdgenPlaceProduct"]
    (left, top, *_), (box_left, box_top, *_) = place["canvas_box"], place["product_box"]
    x, y = round(left + (200 - box_left) * place["scale"]), round(top + (95 - box_top) * place["scale"])
    seen = np.asarray(result.picture(".png").convert("RGB"))[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3)

    def linear(levels: np.ndarray) -> np.ndarray:
        share = levels / 255
        return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)

    light = linear(color) * cover / 255 + 1 - cover / 255
    assert np.abs(linear(seen.mean(axis=0)) - light).max() < 0.01


def test_a_photo_that_cannot_be_cut_out_is_refused_in_the_sellers_words(comfy_server: ComfyServer) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (320, 320, 3), dtype=np.uint8))
    with pytest.raises(GraphError, match=r"(?s)ProdgenSegmentProduct.*What to try"):
        packshot(comfy_server, noise)


@pytest.mark.slow
def test_a_photo_of_8000_pixels_fits_into_8_gigabytes(start_comfy) -> None:  # type: ignore[no-untyped-def]
    server = start_comfy()
    small = studio.bag(2000, 2000)
    buffer = io.BytesIO()
    small.photo.resize((8000, 8000), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=92)
    path = server.base_dir / "large.jpg"
    path.write_bytes(buffer.getvalue())
    graph = published.with_values(GRAPH, image=server.upload(path))
    result = published.run(server, graph, timeout=600)
    assert result.reports["ProdgenExport"]["passed"]
    assert server.peak_memory <= 8 * 2**30
