"""A model's mask and the picture's evidence, fused: who decides what, and what lowers the confidence."""

from __future__ import annotations

import pytest
import torch
from prodgen_nodes.imaging.segmentation import TRUSTED, from_model, from_plain_backdrop
from prodgen_nodes.imaging.segmentation.fringe import explained
from torch import Tensor

from .segmentation_products import errors, scene


def coarse(alpha: Tensor, side: int = 96) -> Tensor:
    """What a network of `side` pixels would say of a product with this exact alpha."""
    return torch.nn.functional.interpolate(alpha[None, None], size=(side, side), mode="area")[0, 0]


@pytest.mark.each_once
@pytest.mark.parametrize("kind", ["bag", "twin", "jar"])
@pytest.mark.parametrize("side", [96, 384])
def test_a_coarse_mask_is_drawn_to_the_pictures_own_edge(kind: str, side: int) -> None:
    made = scene(kind, 3, size=512)
    cut = from_model(made.photo, coarse(made.alpha, side))
    mae, band, iou = errors(cut.alpha, made.alpha)
    assert iou >= 0.985 and band <= 0.09, (mae, band, iou)
    assert cut.confidence >= 0.75, cut.report


def test_what_the_model_is_sure_of_is_not_torn() -> None:
    """A product of the backdrop's own colour, its outline faint: the backdrop model alone loses it."""
    made = scene("jar", 2, size=384, backdrop=(0.70, 0.70, 0.70), product=(0.69, 0.70, 0.71), shadow=0.3)
    cut = from_model(made.photo, coarse(made.alpha, 384))
    assert errors(cut.alpha, made.alpha)[2] >= 0.97, cut.report
    assert errors(from_plain_backdrop(made.photo).alpha, made.alpha)[2] < 0.97


def test_an_outline_that_nobody_can_see_is_called_a_guess() -> None:
    made = scene("jar", 2, size=384, backdrop=(1.6, 1.6, 1.6), product=(1.6, 1.6, 1.6), shadow=0.0, noise=0.3)
    cut = from_model(made.photo, coarse(made.alpha, 384))
    assert cut.confidence < 0.5, cut.report
    assert any("one colour" in reason or "blown-out" in reason for reason in cut.report["reasons"])


def test_a_filled_handle_is_opened_where_the_backdrop_shows_through() -> None:
    made = scene("bag", 4, size=512)
    filled = made.alpha.clone()
    rows, columns = torch.where(made.alpha > 0.5)
    inside = torch.zeros_like(filled, dtype=torch.bool)
    for row in range(int(rows.min()), int(rows.max())):
        here = columns[rows == row]
        inside[row, int(here.min()) : int(here.max())] = True
    filled[inside] = 1.0
    cut = from_model(made.photo, coarse(filled, 512))
    assert errors(cut.alpha, made.alpha)[2] >= 0.985, cut.report


def test_a_part_that_the_model_half_sees_lowers_the_confidence() -> None:
    made = scene("bag", 1, size=384)
    mask = made.alpha.clone()
    rows = torch.where(made.alpha > 0.5)[0]
    top = int(rows.min())
    mask[top : top + int(0.35 * (int(rows.max()) - top))] *= 0.3  # the handle and the bag's shoulder
    sure, unsure = from_model(made.photo, coarse(made.alpha, 384)), from_model(made.photo, coarse(mask, 384))
    assert sure.confidence >= 0.75 and unsure.confidence < sure.confidence - 0.1, (sure.report, unsure.report)
    assert unsure.confidence < 0.75 or errors(unsure.alpha, made.alpha)[2] >= 0.97, unsure.report


def test_a_part_that_the_model_leaves_out_and_the_picture_shows_lowers_the_confidence() -> None:
    made = scene("bag", 1, size=384)
    mask = made.alpha.clone()
    columns = torch.where((made.alpha > 0.5).any(dim=0))[0]
    mask[:, int(columns.min()) : int(columns.min()) + 60] = 0.0
    cut = from_model(made.photo, coarse(mask, 384))
    assert cut.confidence < 0.75, cut.report
    assert any("left out" in reason for reason in cut.report["reasons"])


@pytest.mark.first(1)
@pytest.mark.parametrize("row", [0.3, 0.45])
def test_a_line_on_the_table_that_meets_the_product_is_no_strap(row: float) -> None:
    made = scene("jar", 3, size=512, shadow=0.2)
    photo, mask = made.photo.clone(), made.alpha.clone()
    columns = torch.where((made.alpha > 0.5).any(dim=0))[0]
    at = int(torch.where((made.alpha > 0.5).any(dim=1))[0].min()) + int(row * 200)
    line = slice(at, at + 2), slice(60, int(columns.min()))
    photo[line] = photo[line] * 0.4
    mask[line] = 0.05
    cut = from_model(photo, mask)
    assert float(cut.alpha[at, 70 : int(columns.min()) - 20].max()) < 0.1, cut.report


@pytest.mark.parametrize("ring", ["even", "shaded"])
def test_a_ring_whose_inside_the_model_filled_is_doubted(ring: str) -> None:
    """A necklace, an earring, a frame: nothing but the backdrop is inside, and a coarse network sees a disc."""
    size = 480
    y, x = torch.meshgrid(torch.arange(size) - 240.0, torch.arange(size) - 230.0, indexing="ij")
    away = torch.hypot(x, y)
    alpha = (9 - (away - 130).abs()).clamp(0, 1)
    light = 0.8 - (0.12 if ring == "shaded" else 0.0) * (y / size)
    backdrop = light.unsqueeze(-1) * torch.tensor((1.0, 0.97, 0.92))
    photo = backdrop + alpha.unsqueeze(-1) * (torch.tensor((0.45, 0.3, 0.1)) - backdrop)
    photo = (photo + torch.randn(photo.shape, generator=torch.Generator().manual_seed(2)) * 0.004).clamp(0, 1)
    filled = (139 - away).clamp(0, 1)
    opened, doubted = from_model(photo, coarse(alpha, 480)), from_model(photo, coarse(filled, 160))
    assert opened.confidence >= 0.75 and errors(opened.alpha, alpha)[2] > 0.93, opened.report
    assert doubted.confidence < 0.5 or errors(doubted.alpha, alpha)[2] > 0.93, doubted.report


def test_a_coarse_network_alone_with_a_busy_backdrop_is_not_trusted() -> None:
    made = scene("bag", 1, size=520)
    squares = torch.randint(0, 2, (26, 26, 3), generator=torch.Generator().manual_seed(7)).float() * 0.8 + 0.1
    busy = squares.repeat_interleave(20, 0).repeat_interleave(20, 1)
    photo = made.color * made.alpha.unsqueeze(-1) + busy * (1 - made.alpha.unsqueeze(-1))
    fine, rough = from_model(photo, made.alpha), from_model(photo, coarse(made.alpha, 80))
    assert fine.confidence >= 0.75 > rough.confidence, (fine.report, rough.report)
    assert any("coarse" in reason for reason in rough.report["reasons"])


def test_a_mirrored_photo_gets_the_same_verdict() -> None:
    made = scene("twin", 5, size=384)
    mask = coarse(made.alpha, 320)
    here, there = from_model(made.photo, mask), from_model(made.photo.flip(1).contiguous(), mask.flip(1).contiguous())
    assert abs(here.confidence - there.confidence) <= 0.05
    assert float((here.alpha - there.alpha.flip(1)).abs().mean()) < 2e-3


def _strap(width: float, size: int = 640) -> tuple[Tensor, Tensor]:
    """A dark bag on a light wall, hung on a strap `width` pixels wide."""
    y, x = torch.meshgrid(torch.arange(size * 4) / 4.0, torch.arange(size * 4) / 4.0, indexing="ij")
    body = (x > 0.3 * size) & (x < 0.7 * size) & (y > 0.6 * size) & (y < 0.85 * size)
    arch = (
        (((x - 0.5 * size) / 0.17) ** 2 + ((y - 0.6 * size) / 0.5) ** 2).sqrt() - size
    ).abs() < width / 0.34 / 2 * 1.6
    fine = (body | (arch & (y < 0.61 * size))).float()
    alpha = torch.nn.functional.avg_pool2d(fine[None, None], 4)[0, 0]
    light = 0.85 - 0.05 * torch.linspace(0, 1, size).view(-1, 1).expand(size, size)
    photo = (light * (1 - alpha) + 0.08 * alpha).unsqueeze(-1).repeat(1, 1, 3)
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(1)) * 0.004
    return (photo + noise).clamp(0, 1), alpha


@pytest.mark.first(1)
@pytest.mark.parametrize("width", [3.0, 4.0])
def test_a_strap_of_a_few_pixels_stays(width: float) -> None:
    photo, alpha = _strap(width)
    cut = from_model(photo, alpha)
    strap = (alpha > 0.9) & (torch.arange(640).view(-1, 1) < 380)
    assert int(strap.sum()) > 300
    assert float(cut.alpha[strap].mean()) > 0.8, float(cut.alpha[strap].mean())


def _fur(size: int = 560, shadow: float = 0.12) -> tuple[Tensor, Tensor]:
    """A round furry thing on a plain wall, with a soft shadow under its hairs."""
    generator = torch.Generator().manual_seed(4)
    y, x = torch.meshgrid(torch.arange(size * 2) / 2.0, torch.arange(size * 2) / 2.0, indexing="ij")
    middle = size / 2
    fine = (((x - middle) ** 2 + (y - middle) ** 2).sqrt() < 0.25 * size).float()
    for _ in range(500):
        angle, long = (
            float(value) for value in torch.rand(2, generator=generator) * torch.tensor([6.2832, 0.045 * size])
        )
        steps = torch.linspace(0.24 * size, 0.25 * size + 0.02 * size + long, 160)
        bend = angle + 0.12 * torch.linspace(0, 1, 160)
        rows = ((middle + steps * bend.sin()) * 2).long().clamp(0, size * 2 - 1)
        columns = ((middle + steps * bend.cos()) * 2).long().clamp(0, size * 2 - 1)
        fine[rows, columns] = 1.0
    alpha = torch.nn.functional.avg_pool2d(fine[None, None], 2)[0, 0]
    far = (
        ((torch.arange(size).view(-1, 1) - middle) ** 2 + (torch.arange(size) - middle) ** 2).sqrt() / size - 0.25
    ) / 0.1
    wall = torch.tensor([0.62, 0.70, 0.66]) * (1 - shadow * (1 - far).clamp(0, 1)).unsqueeze(-1)
    photo = wall * (1 - alpha.unsqueeze(-1)) + torch.tensor([0.30, 0.16, 0.08]) * alpha.unsqueeze(-1)
    return photo, alpha


def test_fur_keeps_its_strands_and_loses_the_backdrop_between_them() -> None:
    photo, alpha = _fur()
    core = torch.nn.functional.avg_pool2d(alpha[None, None], 9, 1, 4)[0, 0] > 0.97
    cut = from_model(photo, core.float())
    fringe = (alpha > 0.02) & ~core
    error = float((cut.alpha - alpha)[fringe].abs().mean())
    hard = float((core.float() - alpha)[fringe].abs().mean())
    assert error < 0.5 * hard, (error, hard)
    between = (alpha < 0.01) & (torch.nn.functional.max_pool2d(alpha[None, None], 9, 1, 4)[0, 0] > 0.5)
    assert float(cut.alpha[between].mean()) < 0.12, float(cut.alpha[between].mean())
    assert any("hair" in note for note in cut.report["notes"])


@pytest.mark.parametrize("seed", [1, 2])
def test_strands_are_mixed_of_two_colours_and_the_grain_of_a_floor_is_not(seed: int) -> None:
    random = torch.rand(80, 160, 1, generator=torch.Generator().manual_seed(seed))
    front, back = torch.tensor([0.75, 0.62, 0.10]), torch.tensor([0.06, 0.16, 0.19])
    grained = back * (0.4 + 1.6 * random)
    photo = torch.where(torch.arange(160).view(1, -1, 1) < 80, torch.lerp(back, front, 0.6 * random), grained)
    size = photo.shape
    mixed, _ = explained(photo, front.expand(size), back.expand(size), torch.ones(size[:2], dtype=torch.bool))
    assert bool(mixed[:, :60].all()) and not bool(mixed[:, 100:].any())


def test_a_hard_edge_has_no_hair() -> None:
    made = scene("bag", 2, size=512)
    cut = from_model(made.photo, coarse(made.alpha, 512))
    assert not any("hair" in note for note in cut.report["notes"]), cut.report


class TestHint:
    """A rough mask alone decides what is product."""

    @staticmethod
    def pair() -> tuple[Tensor, Tensor, Tensor]:
        one = scene("jar", 1, size=320)
        photo = torch.cat((one.photo, one.photo.flip(1)), dim=1)
        left = torch.cat((one.alpha, torch.zeros_like(one.alpha)), dim=1)
        both = torch.cat((one.alpha, one.alpha.flip(1)), dim=1)
        return photo, left, both

    @pytest.mark.parametrize("grow", [-9, 9])
    def test_it_takes_one_of_two(self, grow: int) -> None:
        photo, left, both = self.pair()
        pool = torch.nn.functional.max_pool2d
        plane = left[None, None]
        painted = pool(plane, 2 * grow + 1, 1, grow) if grow > 0 else -pool(-plane, 1 - 2 * grow, 1, -grow)
        for mask in (both, None):
            cut = from_model(photo, mask, (painted[0, 0] > 0.5).float())
            assert errors(cut.alpha, left)[2] >= 0.95, (mask is None, cut.report)

    def test_neither_mask_nor_hint(self) -> None:
        with pytest.raises(ValueError, match="mask or a hint"):
            from_model(self.pair()[0], None)


@pytest.mark.first(1)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_foot_that_fades_into_the_backdrops_colour_is_not_bitten(seed: int) -> None:
    """A red bowl on red: where its shading meets the backdrop's colour, the model's outline stands."""
    noise = torch.randn(384, 384, 1, generator=torch.Generator().manual_seed(seed)) * 0.002
    rows, columns = torch.meshgrid(torch.arange(384.0), torch.arange(384.0), indexing="ij")
    away = ((rows - 180).square() + (columns - 192).square()).sqrt()
    alpha = ((100 - away) + 0.5).clamp(0, 1)
    red = torch.tensor([0.99, 0.47, 0.41])
    shading = 1.0 - 0.22 * (1 - ((rows + columns - 230) / 180).clamp(0, 1))
    photo = torch.lerp(red.expand(384, 384, 3), red * shading.unsqueeze(-1), alpha.unsqueeze(-1)) + noise
    made = from_model(photo.clamp(0, 1), coarse(alpha, 384)).alpha
    assert float(made[away < 95].min()) > 0.9
    assert float(made[away > 105].max()) < 0.1


@pytest.mark.first(1)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_leg_that_takes_on_the_floors_tone_is_not_bitten(seed: int) -> None:
    """Halfway down it has the backdrop's very colour, darker above and lighter below: the model's outline stands."""
    made = torch.Generator().manual_seed(seed)
    rows, columns = torch.meshgrid(torch.arange(480.0), torch.arange(480.0), indexing="ij")
    seat = (rows > 120) & (rows < 200) & ((columns - 240).abs() < 130)
    alpha, whole = seat.float(), torch.zeros(480, 480, dtype=torch.bool)
    for foot, top in ((120.0, 140.0), (200.0, 195.0), (280.0, 285.0), (360.0, 340.0)):
        off = (columns - torch.lerp(torch.tensor(top), torch.tensor(foot), (rows - 200) / 200)).abs()
        leg = (rows >= 199) & (rows < 400)
        alpha = torch.maximum(alpha, (9.5 - off).clamp(0, 1) * leg)
        whole |= (off < 7) & leg & (rows < 396)
    tone = 0.84 + 0.04 * ((rows - 300) / 100).clamp(-1, 1)
    grain = torch.nn.functional.avg_pool2d(torch.randn(1, 1, 480, 480, generator=made), 3, 1, 1)[0, 0] * 0.03
    legs = (tone + grain).unsqueeze(-1) * torch.tensor([1.0, 0.985, 0.955])
    product = torch.where(seat.unsqueeze(-1), torch.tensor([0.48, 0.29, 0.16]), legs)
    floor = torch.tensor([0.84, 0.8274, 0.8022]).expand(480, 480, 3)
    photo = torch.lerp(floor, product, alpha.unsqueeze(-1)) + torch.randn(480, 480, 3, generator=made) * 0.004
    cut = from_model(photo.clamp(0, 1), coarse(alpha, 480)).alpha
    lost = float((cut[whole] < 0.5).float().mean())
    assert lost < 0.002, lost


def _spotted(spot: int, mask_at_spot: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A black plate before grey with a square of `spot` pixels of the backdrop's very colour near its edge."""
    noise = torch.randn(400, 400, 1, generator=torch.Generator().manual_seed(seed)) * 0.003
    photo, mask, square = torch.full((400, 400, 3), 0.34), torch.zeros(400, 400), torch.zeros(400, 400).bool()
    photo[100:320, 90:310], mask[100:320, 90:310] = 0.04, 1.0
    square[150 : 150 + spot, 115 : 115 + spot] = True
    photo[square], mask[square] = 0.34, mask_at_spot
    return (photo + noise).clamp(0, 1), mask, square


@pytest.mark.first(1)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_highlight_of_the_backdrops_colour_is_no_opening_to_a_model_without_doubt(seed: int) -> None:
    photo, mask, spot = _spotted(8, 1.0, seed)
    assert float(from_model(photo, mask).alpha[spot].min()) > 0.9


@pytest.mark.parametrize(("size", "response"), [(8, 0.6), (18, 1.0)])
def test_an_opening_that_the_model_doubts_or_that_is_large_shows_the_backdrop(size: int, response: float) -> None:
    photo, mask, spot = _spotted(size, response, 1)
    assert float(from_model(photo, mask).alpha[spot].mean()) < 0.2


@pytest.mark.each_once
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["bag", "jar", "twin"])
def test_a_hard_shadow_that_a_coarse_model_took_for_product_is_not_trusted(kind: str, seed: int) -> None:
    """The edge of a hard shadow is as clear as a product's: only what has no network tells it from one."""
    made = scene(kind, seed, size=640, shadow=0.0)
    cast = torch.roll(made.alpha, (40, -60), dims=(0, 1)) * (1.0 - made.alpha)
    photo = made.photo * (1.0 - 0.6 * cast.unsqueeze(-1))
    fine, wrong = made.alpha, torch.maximum(made.alpha, cast)
    assert from_model(photo, coarse(wrong, 320)).confidence < TRUSTED
    plain = from_model(made.photo, coarse(fine, 320))
    assert plain.confidence >= TRUSTED, plain.report


@pytest.mark.parametrize(("strap", "least", "most"), [(0.95, 0.0, 0.74), (None, 0.75, 1.0)], ids=["lost", "shadow"])
def test_a_white_strap_on_white_that_the_model_lost_is_doubted(strap: float | None, least: float, most: float) -> None:
    """It is hardly darker than the ground, but has an edge; a shadow as faint fades."""
    made = torch.Generator().manual_seed(2)
    rows, columns = torch.meshgrid(torch.arange(480.0), torch.arange(480.0), indexing="ij")
    case = (90 - torch.hypot(rows - 240, columns - 240)).clamp(0, 1)
    if strap is None:
        beside = torch.exp(-(((rows - 300) / 90).square() + ((columns - 260) / 80).square()))
        ground = 1.0 - 0.05 * beside
    else:
        ground = torch.where(((columns - 240).abs() < 50) & ((rows - 240).abs() < 190), strap, 1.0)
    photo = torch.lerp(ground, torch.full_like(ground, 0.2), case).unsqueeze(-1).expand(-1, -1, 3)
    photo = photo + torch.randn(480, 480, 3, generator=made) * 0.003
    cut = from_model(photo.clamp(0, 1), coarse(case, 480))
    assert least <= cut.confidence <= most, cut.report


def _headphones(size: int = 480, rim: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Photo on blown-out white, exact alpha, and the place under the band; `rim`: a dark rim all around instead."""
    rows, columns = torch.meshgrid(*(torch.arange(size, dtype=torch.float32) + 0.5,) * 2, indexing="ij")
    x, y = (columns - size / 2) / size, (rows - size / 2) / size
    distance = torch.hypot(x, y)
    band = ((0.32 - distance) * size).clamp(0, 1) * ((distance - 0.28) * size).clamp(0, 1)
    if not rim:
        band = band * (y < 0.1)
        cups = [((0.11 - torch.hypot(x - at, 0.6 * (y - 0.15))) * size).clamp(0, 1) for at in (-0.25, 0.25)]
        band = torch.stack((band, *cups)).amax(dim=0)
    under = (distance < 0.28) & (band == 0) & ((y < 0.1) | rim)
    noise = torch.randn(size, size, 3, generator=torch.Generator().manual_seed(3))
    dark = 0.16 + 0.01 * noise
    photo = (band[..., None] * dark + (1 - band[..., None])).clamp(0, 1)
    return photo, band, under


@pytest.mark.first(1)
@pytest.mark.parametrize("response", [0.3, 0.45, 0.6])
def test_bare_backdrop_under_a_band_that_the_model_half_filled_is_left_out_and_told(response: float) -> None:
    photo, alpha, under = _headphones()
    cut = from_model(photo, coarse(torch.where(under, response, alpha), 480))
    assert errors(cut.alpha, alpha)[2] >= 0.98, cut.report
    assert 0.5 <= cut.confidence < TRUSTED, cut.report
    assert any("half filled" in reason for reason in cut.report["reasons"])


def test_white_inside_a_dark_rim_on_white_is_never_trusted_where_the_model_has_no_opinion() -> None:
    photo, alpha, under = _headphones(rim=True)
    for response in (0.3, 0.5, 0.7):
        cut = from_model(photo, coarse(torch.where(under, response, alpha), 480))
        assert cut.confidence < TRUSTED, cut.report
