"""The cut-out on products with exact alpha: figures, contact shadows, straps, edge colours, confidence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from prodgen_nodes.imaging.colorspace import delta_e00, srgb_to_lab
from prodgen_nodes.imaging.segmentation import from_file_alpha, from_model, from_plain_backdrop
from prodgen_nodes.imaging.segmentation.backdrop import BackdropModel, pixel_noise
from prodgen_nodes.imaging.segmentation.birefnet import letterbox, unletterbox
from prodgen_nodes.imaging.segmentation.confidence import KEPT_BY_ALL, joined_products, soft_outline, without_advice
from prodgen_nodes.imaging.segmentation.evidence import weigh
from prodgen_nodes.imaging.segmentation.foot_line import relocated
from prodgen_nodes.imaging.segmentation.footing import find_footing
from prodgen_nodes.imaging.segmentation.foreground import clean_foreground
from prodgen_nodes.imaging.segmentation.leaks import ringing
from prodgen_nodes.imaging.segmentation.matting import closed_form_matte
from prodgen_nodes.imaging.segmentation.shade import cast_shadow
from prodgen_nodes.imaging.segmentation.window import window_around

from tests.support.reference import BAGS, beside, reference

from .segmentation_products import errors, scene, strap_gap


@pytest.mark.each_once
@pytest.mark.parametrize("kind", ["bag", "twin", "jar"])
@pytest.mark.parametrize("seed", [1, 2])
def test_made_products_are_cut_out_exactly(kind: str, seed: int) -> None:
    made = scene(kind, seed)
    before = made.photo.clone()
    cut = from_plain_backdrop(made.photo)
    mae, band, iou = errors(cut.alpha, made.alpha)
    assert mae <= 0.003 and band <= 0.06 and iou >= 0.985, (mae, band, iou)
    assert strap_gap(cut.alpha, made.alpha) <= 0.12
    assert cut.confidence >= 0.75, cut.report
    assert torch.equal(made.photo, before)


@pytest.mark.parametrize(
    ("backdrop", "product"),
    [
        ((0.35, 0.5, 0.45), (0.5, 0.3, 0.05)),
        ((0.25, 0.25, 0.27), (0.6, 0.55, 0.5)),
        ((0.9, 0.88, 0.8), (0.03, 0.03, 0.035)),
    ],
)
def test_other_colours_and_noise(backdrop: tuple[float, float, float], product: tuple[float, float, float]) -> None:
    made = scene("bag", 5, backdrop=backdrop, product=product, noise=2.0)
    _, band, iou = errors(from_plain_backdrop(made.photo).alpha, made.alpha)
    assert band <= 0.08 and iou >= 0.98, (band, iou)


@pytest.mark.parametrize("names", [BAGS[:3], BAGS[3:]] if BAGS[3:] else [BAGS], ids=lambda names: names[0])
def test_products_meet_the_published_figures(names: list[str]) -> None:
    figures = []
    for name in names:
        shot = reference(name)
        cut = from_plain_backdrop(shot.photo)
        figures.append(errors(cut.alpha, shot.alpha))
        assert cut.confidence >= 0.8, (name, cut.report)
    mae, band, iou = np.mean(figures, axis=0)
    assert mae <= 0.0013 and band <= 0.045 and iou >= 0.990, figures
    assert max(f[0] for f in figures) <= 0.0018 and max(f[1] for f in figures) <= 0.06, figures
    assert min(f[2] for f in figures) >= 0.985, figures


@pytest.mark.parametrize("name", ["white lid", *beside("rendered/jar_13")])
def test_a_lid_as_white_as_the_wall_is_called_a_guess(name: str) -> None:
    shot = reference(name)
    cut = from_plain_backdrop(shot.photo)
    assert errors(cut.alpha, shot.alpha)[2] >= 0.93 or cut.confidence < 0.5, cut.report


def test_edge_colours_are_the_products_own() -> None:
    made = scene("bag", 3, noise=0.0, product=(0.25, 0.10, 0.07))
    clean = clean_foreground(made.photo, made.alpha)
    edge = (made.alpha > 0.2) & (made.alpha < 0.9)
    wrong = delta_e00(srgb_to_lab(made.photo[edge]), srgb_to_lab(made.color[edge])).mean()
    left = delta_e00(srgb_to_lab(clean[edge]), srgb_to_lab(made.color[edge])).mean()
    assert float(left) < 3.0 < float(wrong), (float(left), float(wrong))
    solid = made.alpha >= 1
    assert torch.equal(clean[solid], made.photo[solid])


def test_outside_the_mask_there_is_product_colour_not_backdrop() -> None:
    made = scene("jar", 3, product=(0.3, 0.02, 0.02))
    outside = clean_foreground(made.photo, made.alpha)[made.alpha <= 0]
    assert float(outside[:, 1].max()) < 0.5, "green of the white backdrop is left outside the mask"


def test_perfect_trimap_gives_a_near_perfect_matte() -> None:
    made = scene("twin", 4, noise=0.5)
    unknown = (made.alpha > 0.02) & (made.alpha < 0.98)
    matte = closed_form_matte(made.photo, made.alpha.round(), unknown)
    assert float((matte - made.alpha)[unknown].abs().mean()) < 0.06


def test_matting_survives_constant_colour() -> None:
    photo = torch.ones(40, 40, 3)
    start = torch.zeros(40, 40)
    start[10:30, 10:30] = 1
    unknown = torch.zeros(40, 40, dtype=torch.bool)
    unknown[8:12, 8:32] = True
    assert bool(torch.isfinite(closed_form_matte(photo, start, unknown)).all())


def test_backdrop_model_follows_vignette_and_horizon() -> None:
    made = scene("jar", 6, noise=0.0, shadow=0.0)
    empty = scene("jar", 6, noise=0.0, shadow=0.0, product=(0.0, 0.0, 0.0))
    away = made.alpha == 0
    off = (BackdropModel(made.photo).fit().color - empty.photo).abs().amax(dim=-1)[away]
    assert float(torch.quantile(off, 0.95)) < 4 / 255


def test_a_part_of_the_backdrops_own_tone_stays_product() -> None:
    size = 320
    generator = torch.Generator().manual_seed(3)
    wall = (0.78 + 0.1 * torch.linspace(0, 1, size)).view(-1, 1, 1).expand(size, size, 3).clone()
    truth = torch.zeros(size, size)
    truth[90:230, 90:230] = 1
    photo = wall.clone()
    photo[90:230, 90:230] = torch.tensor([0.7, 0.2, 0.15])
    photo[180:230, 90:230] = 0.25  # the outline of a sole ...
    photo[182:228, 92:228] = wall[182:228, 92:228] - 0.03  # ... that is nearly as light as the wall
    photo[200:202, 228:230] = wall[200:202, 228:230]  # and a gap in the outline
    photo = (photo + 0.8 / 255 * torch.randn(photo.shape, generator=generator)).clamp(0, 1)
    cut = from_plain_backdrop(photo)
    iou = errors(cut.alpha, truth)[2]
    assert iou >= 0.97 or cut.confidence < 0.5, (iou, cut.report)
    assert iou >= 0.9, iou


def test_a_contact_shadow_ends_where_the_floor_is_darkest() -> None:
    made = scene("bag", 3)
    truth = made.alpha > 0.5
    shadowed = truth.clone()
    rows = torch.where(truth.any(dim=1))[0]
    bottom = int(rows.max())
    shadowed[bottom + 1 : bottom + 6] = truth[bottom - 3]  # the labels took five rows of the shadow for product
    backdrop = BackdropModel(made.photo).fit()
    found = find_footing(made.photo, shadowed, backdrop, weigh(made.photo, backdrop)).shadow
    wrong = shadowed & ~truth
    assert float((found & wrong).sum()) > 0.8 * float(wrong.sum())
    assert float((found & truth).sum()) < 0.001 * float(truth.sum())


def test_the_line_under_a_product_is_found_again_at_the_photos_size() -> None:
    width = 300
    edge = 120.3 + 12.0 * torch.linspace(0, 1, width)  # a slanting foot ...
    rows = torch.arange(200).view(-1, 1)
    share = (edge - rows).clamp(0, 1)
    floor = (0.02 + 0.02 * (rows - edge).clamp(min=0)).clamp(max=0.8)  # ... over a shadow that ends slowly
    photo = (0.4 * share + floor * (1 - share)).unsqueeze(-1).expand(-1, -1, 3).contiguous()
    certain = torch.ones(width, dtype=torch.bool)
    coarse = edge + 2.5 + torch.sin(torch.arange(width) / 9.0)
    off = (relocated(photo, coarse, certain, 2.0) - edge).abs()
    assert float(off.quantile(0.9)) < 0.7, float(off.quantile(0.9))
    bright = (0.4 * share + 0.8 * (1 - share)).unsqueeze(-1).expand(-1, -1, 3).contiguous()
    assert torch.equal(relocated(bright, coarse, certain, 2.0), coarse), "there is no shadow to tell it from"


@pytest.mark.parametrize(("offset", "is_backdrop"), [(0.0, True), (-5.0, False)])
def test_a_compressed_photos_ripples_are_backdrop_but_another_white_is_not(offset: float, is_backdrop: bool) -> None:
    photo = torch.full((240, 240, 3), 0.95)
    photo[140:210, 60:180] = torch.tensor([0.1, 0.1, 0.2])
    ripple = torch.tensor([7.0, -2.0, -7.0]) / 255
    strip = (slice(128, 140), slice(60, 180))
    photo[strip] += offset / 255
    photo[strip] += ripple * torch.where(torch.arange(12) % 4 < 2, 1.0, -1.0).view(-1, 1, 1)
    sure = torch.ones(240, 240, dtype=torch.bool)
    sure[128:210, 60:180] = False
    backdrop = BackdropModel(photo).fit()
    share = float(ringing(photo, backdrop, weigh(photo, backdrop), sure)[strip].float().mean())
    assert share > 0.9 if is_backdrop else share < 0.1, share


def test_the_window_holds_the_product_and_gives_the_whole_picture_back() -> None:
    product = torch.zeros(256, 192, dtype=torch.bool)
    product[100:180, 60:130] = True
    product[3, 5] = True  # a speck
    window = window_around(~product, (512, 384))
    assert (window.top, window.left) > (160, 80) and (window.bottom, window.right) < (400, 300)
    large = product.repeat_interleave(2, 0).repeat_interleave(2, 1)
    large[:20] = False
    assert torch.equal(window.whole(window.of(large)), large)
    assert window_around(torch.zeros(256, 192, dtype=torch.bool), (512, 384)).of(large).shape == large.shape


def _beside_a_shadow(fade: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A red block, the shadow it throws to its right (its outer edge `fade` pixels wide), and where that lies."""
    size = 320
    photo = torch.full((size, size, 3), 0.78)
    column = torch.arange(size).view(1, -1).expand(size, size)
    row = torch.arange(size).view(-1, 1).expand(size, size)
    inside = (row >= 180) & (row < 240) & (column >= 200)
    edges = torch.stack((row - 180, 239 - row, 269 - column)).amin(dim=0)
    depth = (edges.float() / fade).clamp(0, 1) * inside
    photo = photo * (1 - 0.3 * depth).unsqueeze(-1)
    photo[90:240, 90:200] = torch.tensor([0.7, 0.2, 0.15])
    product = torch.zeros(size, size, dtype=torch.bool)
    product[90:240, 90:200] = True
    noise = 0.5 / 255 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(4))
    return photo + noise, product, depth > 0.5


def test_a_cast_shadow_is_backdrop_but_a_part_with_an_outline_is_not() -> None:
    for fade, removed in ((16, True), (1, False)):
        photo, product, shadow = _beside_a_shadow(fade)
        backdrop = BackdropModel(photo).fit()
        smooth = torch.zeros_like(product)
        found = cast_shadow(product | shadow, backdrop, weigh(photo, backdrop), smooth)
        assert not bool((found & product).any())
        share = float((found & shadow).sum()) / float(shadow.sum())
        assert share > 0.8 if removed else share < 0.05, (fade, share)


def test_noise_is_measured_not_assumed() -> None:
    for sigma in (1.0, 4.0):
        noise = pixel_noise(0.5 + sigma / 255 * torch.randn(256, 256, 3, generator=torch.Generator().manual_seed(1)))
        assert 0.6 * sigma < 255 * noise < 2.2 * sigma


class TestDoubt:
    """What cannot be trusted must say so."""

    def test_empty_backdrop(self) -> None:
        made = scene("jar", 1)
        cut = from_plain_backdrop(made.photo.flip(1)[:, :90].contiguous())
        assert cut.confidence < 0.35, cut.report

    def test_two_products_are_a_pair_and_no_doubt(self) -> None:
        one = scene("jar", 1, size=256).photo
        cut = from_plain_backdrop(torch.cat((one, one.flip(1)), dim=1))
        assert cut.confidence > 0.75 and cut.report["products"] == 2, cut.report
        assert any("2 separate products" in note for note in cut.report["notes"])

    def test_two_products_held_together_by_a_lace(self) -> None:
        one = scene("jar", 1, size=256)
        pair = torch.cat((one.photo, one.photo.flip(1)), dim=1)
        inside = torch.cat((one.alpha, one.alpha.flip(1)), dim=1) > 0.5
        row = int(torch.where(inside.any(dim=1))[0].float().mean())
        columns = torch.where(inside[row])[0]
        assert not joined_products(one.alpha > 0.5)
        pair[row : row + 4, int(columns.min()) + 20 : int(columns.max()) - 20] = torch.tensor([0.6, 0.05, 0.1])
        cut = from_plain_backdrop(pair)
        assert cut.report["products"] == 1, cut.report
        assert any("two products" in note for note in cut.report["notes"])

    def test_a_cut_through_smooth_backdrop(self) -> None:
        made = scene("bag", 1)
        product = made.alpha > 0.5
        backdrop = BackdropModel(made.photo).fit()
        evidence, known = weigh(made.photo, backdrop), torch.zeros_like(product)
        share, longest = soft_outline(made.photo, product, backdrop, evidence, known)
        assert share < 0.04 and longest < 0.08, (share, longest)
        rows, columns = torch.where(product)
        kept = product.clone()  # a shadow beside the product, taken for a part of it
        kept[int(rows.max()) - 60 : int(rows.max()), int(columns.max()) - 30 : int(columns.max()) + 40] = True
        share, longest = soft_outline(made.photo, kept, backdrop, evidence, known)
        assert share > 0.1 and longest > 0.2, (share, longest)

    def test_cut_by_the_frame(self) -> None:
        cut = from_plain_backdrop(scene("bag", 1).photo[:, :190].contiguous())
        assert cut.confidence < 0.7 and cut.report["touches_frame"], cut.report

    def test_busy_backdrop(self) -> None:
        generator = torch.Generator().manual_seed(2)
        blocks = torch.rand(24, 24, 3, generator=generator).repeat_interleave(16, 0).repeat_interleave(16, 1)
        assert from_plain_backdrop(blocks).confidence < 0.35

    def test_white_on_blown_out_white(self) -> None:
        made = scene("jar", 1, backdrop=(1.6, 1.6, 1.6), product=(1.5, 1.5, 1.5), shadow=0.0)
        cut = from_plain_backdrop(made.photo)
        assert errors(cut.alpha, made.alpha)[2] >= 0.93 or cut.confidence < 0.5, cut.report

    @pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 5), (33, 2)])
    def test_tiny_pictures(self, size: tuple[int, int]) -> None:
        cut = from_plain_backdrop(torch.full((*size, 3), 0.5))
        assert cut.alpha.shape == size and bool(torch.isfinite(cut.product).all()) and cut.confidence < 0.35


def test_large_pictures_are_cut_as_finely_as_small_ones() -> None:
    made = scene("bag", 7, size=1200, noise=0.8)
    _, band, iou = errors(from_plain_backdrop(made.photo).alpha, made.alpha)
    assert band <= 0.08 and iou >= 0.99, (band, iou)


def test_a_hint_keeps_what_lies_outside_it_out() -> None:
    one = scene("jar", 1, size=256)
    pair = torch.cat((one.photo, one.photo.flip(1)), dim=1)
    hint = torch.zeros(256, 512)
    hint[:, :256] = 1
    cut = from_plain_backdrop(pair, hint)
    assert float(cut.alpha[:, 256:].max()) < 0.05
    assert errors(cut.alpha[:, :256], one.alpha)[2] > 0.95


def test_a_models_filled_straps_are_opened_again() -> None:
    made = scene("twin", 2)
    filled = (torch.nn.functional.max_pool2d(made.alpha[None, None], 9, 1, 4)[0, 0] > 0.5).float()
    filled[130:184, 140:244] = 1.0  # the whole handle, opening and all
    cut = from_model(made.photo, filled)
    assert strap_gap(cut.alpha, made.alpha) < 0.15
    assert cut.report["slivers_cleared"] > 0.005
    assert errors(cut.alpha, made.alpha)[2] > 0.97


def test_file_alpha_is_kept_as_it_is() -> None:
    made = scene("bag", 2)
    cut = from_file_alpha(made.color, made.alpha)
    assert torch.equal(cut.alpha, made.alpha) and cut.report["method"] == "file_alpha"
    assert torch.equal(cut.product[made.alpha > 0.05], made.color[made.alpha > 0.05])


@pytest.mark.parametrize("size", [(300, 700), (700, 300), (64, 64), (1, 9)])
def test_letterbox_round_trip(size: tuple[int, int]) -> None:
    y = torch.linspace(0, 1, size[0]).view(-1, 1).expand(size)
    x = torch.linspace(0, 1, size[1]).view(1, -1).expand(size)
    image = torch.stack((x, y, 0.5 * (x + y)), dim=-1).unsqueeze(0)
    square, box = letterbox(image, 256)
    assert square.shape == (1, 256, 256, 3)
    back = unletterbox(square[..., 0], box)
    assert back.shape[1:] == size and float((back[0] - x).abs().max()) < 0.03


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device (needs an NVIDIA GPU and its torch)")
def test_cuda_agrees_with_cpu() -> None:
    made = scene("twin", 1)
    here, there = from_plain_backdrop(made.photo), from_plain_backdrop(made.photo.cuda())
    assert float((here.alpha - there.alpha.cpu()).abs().mean()) < 1e-3


_MEMORY = """
import resource, torch
from prodgen_nodes.imaging.segmentation import from_plain_backdrop
side = 8000
y = torch.arange(side).view(-1, 1); x = torch.arange(side).view(1, -1)
photo = torch.full((side, side, 3), 0.8)
photo[((x - 4000).abs() < 1500) & ((y - 4500).abs() < 1800)] = torch.tensor([0.5, 0.2, 0.15])
cut = from_plain_backdrop(photo)
assert abs(float(cut.alpha.mean()) - 2999 * 3599 / side**2) < 0.002, float(cut.alpha.mean())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
def test_a_64_megapixel_photo_fits_into_memory() -> None:
    pack = Path(__file__).resolve().parents[2] / "custom_nodes"
    run = subprocess.run(
        [sys.executable, "-c", _MEMORY], env={"PYTHONPATH": str(pack)}, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 6.0, f"{run.stdout} GiB"


def test_a_shadow_in_the_corner_between_product_and_floor_is_no_product() -> None:
    with Image.open(Path(__file__).parents[2] / "examples" / "berry_bag.jpg") as opened:
        photo = torch.from_numpy(np.asarray(opened.convert("RGB"), dtype=np.float32) / 255)
    alpha = from_plain_backdrop(photo).alpha
    assert float(alpha[986:1002, 748:770].max()) < 0.05
    assert float(alpha[930:960, 690:740].min()) > 0.95


def test_what_keeps_a_part_is_said_in_the_words_of_each_place() -> None:
    bare, canvas, command = without_advice(f"it is dark; something was left out{KEPT_BY_ALL}; it is small")
    assert bare == "it is dark; something was left out; it is small"
    assert "parts 'all'" in canvas and "--set" not in canvas
    assert "--set parts=all" in command and "parts 'all'" not in command
    assert without_advice("it is dark") == ("it is dark", "", "")
