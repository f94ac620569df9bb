"""Whether `check` lets the seller's product pass, and nothing else: false alarms and misses, by what was done.

    python benchmarks/check.py PHOTO... --network FILE.onnx [--relit FOLDER] [--drawn N] [--good N] [--json FILE]

Of each photo good pictures are made: its packshot as a smaller JPEG, the product on another ground and a little
brighter, the photo itself in another size; with `--good N` so many more, disturbed as shops and tools do. And wrong
ones: the product mirrored, another one in its place, recoloured, alone or with its ground, a print or buckle wiped out
or mirrored, a foot or corner cut off, a part added, blurred, stretched; and a cut-out that was bitten, where photo and
picture lack the same piece. Every case says which reason must be named for it and which may be: what is named beside
those is untrue.

A folder with photo.png and alpha.png is a photo with its exact cut-out; `--drawn N` adds products that a script draws.
`--relit` names a folder of NAME_input.png and NAME_generated_N.png: what a model made of a photo at the same place.
Those pictures must fail, and what 'Fix Product Color' makes of them must pass. `--part I/N`: every N-th product only.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.background_removal import OnnxBackgroundRemoval  # noqa: E402 - the repository is not installed
from prodgen_nodes.imaging.checking import Seen, check_picture, reduced, seen_in  # noqa: E402
from prodgen_nodes.imaging.checking.studio import studio_of  # noqa: E402
from prodgen_nodes.imaging.color.fix import Settings, fix_color  # noqa: E402
from prodgen_nodes.imaging.colorspace import lab_to_srgb, linear_to_srgb, srgb_to_lab, srgb_to_linear  # noqa: E402
from prodgen_nodes.imaging.compositing import mask_on_canvas, place_on_background  # noqa: E402
from prodgen_nodes.imaging.filters import gaussian_blur  # noqa: E402
from prodgen_nodes.imaging.pasting import paste_back  # noqa: E402
from prodgen_nodes.imaging.placement import Affine, Placement  # noqa: E402
from prodgen_nodes.imaging.posing import pose_product  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_looks  # noqa: E402
from prodgen_nodes.imaging.segmentation.foreground import clean_foreground  # noqa: E402
from prodgen_nodes.imaging.shadow import ground_and_shadow  # noqa: E402
from prodgen_nodes.imaging.tensors import bounding_box  # noqa: E402

SIDE = 800
RELIT = ("changed", "structure", "detail")
"""What a model that lost the colours may have done, too."""
GROUNDS = ((1.0, 1.0, 1.0), (0.83, 0.79, 0.72), (0.45, 0.49, 0.55))


@dataclass(frozen=True)
class Case:
    """A picture `[H,W,3]`, and whether the seller's product is in it; `cut`: what the photo's cut-out is."""

    kind: str
    good: bool
    picture: Tensor
    cut: Cutout
    must: str = ""
    may: tuple[str, ...] = ()

    def untrue(self, found: list[dict[str, str]]) -> list[str]:
        """The kinds of reason that were `found` though they may not be named, and the one that must be and is not."""
        named = {one["kind"] for one in found}
        wrong = sorted(named - {self.must, *self.may})
        return wrong if not self.must or self.must in named else [*wrong, f"not {self.must}"]


@dataclass(frozen=True)
class Shot:
    """A finished picture with where the product is in it."""

    picture: Tensor
    placement: Placement
    cover: Tensor


def opened(path: Path, longest: int = SIDE) -> Tensor:
    image = Image.open(path).convert("RGB")
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(image).astype(np.float32) / 255)


def saved(picture: Tensor, quality: int, longest: int = 1000) -> Tensor:
    """As a JPEG with halved colour, no larger than `longest`."""
    image = Image.fromarray((picture.clamp(0, 1).numpy() * 255).round().astype(np.uint8))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, subsampling=2)
    return torch.from_numpy(np.asarray(Image.open(buffer).convert("RGB")).astype(np.float32) / 255)


def shot(
    product: Tensor, alpha: Tensor, ground: tuple[float, float, float], fill: float = 0.0, side: int = SIDE
) -> Shot:
    """A packshot, as the workflow makes it."""
    placement, _ = pose_product(alpha[None], side, side, "marketplace", fill)
    image, placed = place_on_background(product[None], alpha[None], placement, ground)
    shaded = ground_and_shadow(image, placed).image
    done = paste_back(shaded, product[None], alpha[None], placement, 1.0)
    return Shot(done.image[0], placement, done.mask[0])


def goods(photo: Tensor, cut: Cutout, rng: np.random.Generator) -> Iterator[Case]:
    yield Case(
        "packshot, 1000 px JPEG", True, saved(shot(cut.product, cut.alpha, GROUNDS[0], side=1000).picture, 80), cut
    )
    brighter = linear_to_srgb((srgb_to_linear(cut.product) * rng.uniform(0.85, 1.15)).clamp(0, 1))
    elsewhere = shot(brighter, cut.alpha, GROUNDS[1 + int(rng.integers(2))], fill=float(rng.uniform(0.4, 0.7)))
    yield Case("another ground and light", True, saved(elsewhere.picture, 88), cut)
    yield Case("the photo, smaller", True, saved(photo, 75, 600), cut)


def turned(color: Tensor, rng: np.random.Generator) -> Tensor:
    """In another colour: another hue, or where there is hardly one another grey."""
    lab = srgb_to_lab(color)
    strong = float(torch.hypot(lab[..., 1], lab[..., 2]).median()) > 14
    if not strong:
        return linear_to_srgb((srgb_to_linear(color) * 4).clamp(0, 1) if float(lab[..., 0].median()) < 55
                              else srgb_to_linear(color) * 0.25)  # fmt: skip
    angle = np.radians(rng.choice([-1, 1]) * rng.uniform(30, 60))
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    a, b = lab[..., 1] * cos - lab[..., 2] * sin, lab[..., 1] * sin + lab[..., 2] * cos
    return lab_to_srgb(torch.stack((lab[..., 0], a, b), dim=-1)).clamp(0, 1)


def wiped(product: Tensor, alpha: Tensor) -> Tensor:
    """Without what catches the eye most: a print, a buckle, a lock, painted over with what is around it."""
    box = bounding_box(alpha)
    side = max(box.width, box.height)
    light = srgb_to_lab(product)[..., 0]
    inside = (alpha > 0.99).float()
    inside = (gaussian_blur(inside[None, None], 0.02 * side)[0, 0] > 0.98).float()
    planes = torch.stack((light, light.square()))[None] * inside
    mean, square = gaussian_blur(planes, 0.02 * side)[0] / gaussian_blur(inside[None, None], 0.02 * side)[0].clamp(
        min=0.1
    )
    busy = (square - mean.square()) * inside
    row, column = divmod(int(busy.flatten().argmax()), alpha.shape[1])
    y, x = torch.arange(alpha.shape[0])[:, None] - row, torch.arange(alpha.shape[1])[None, :] - column
    spot = (torch.hypot(y.float(), x.float()) < 0.035 * side).float()
    spot = gaussian_blur(spot[None, None], 2.0)[0, 0]
    ring = (torch.hypot(y.float(), x.float()) < 0.06 * side) & (spot < 0.02) & (alpha > 0.9)
    return torch.lerp(product, product[ring].median(dim=0).values.expand_as(product), spot[..., None])


def without_foot(alpha: Tensor) -> Tensor:
    """Its lowest part on the left is missing."""
    box = bounding_box(alpha)
    kept = alpha.clone()
    height, total = 0.04, float(alpha.sum())
    while height < 0.4:
        kept = alpha.clone()
        kept[box.bottom - int(height * box.height) :, : box.left + int(0.4 * box.width)] = 0
        if float(alpha.sum() - kept.sum()) > 0.012 * total:
            break
        height += 0.02
    return kept


def with_part(done: Shot, product: Tensor, alpha: Tensor) -> Tensor:
    """A loop of the product's own stuff grows out of its right side."""
    box = bounding_box(done.cover)
    width = max(10, int(0.16 * min(box.width, box.height)))
    middle = (box.top + box.bottom) // 2
    inner = int(torch.nonzero(done.cover[middle] > 0.9).max())
    picture = done.picture.clone()
    piece = product[alpha > 0.95].median(dim=0).values
    picture[middle - width // 2 : middle + width // 2, inner - 4 : min(picture.shape[1] - 4, inner + width)] = piece
    return picture


def more_goods(cut: Cutout, rng: np.random.Generator, count: int) -> Iterator[Case]:
    """What happens to a good picture on its way through shops and tools."""
    for _ in range(count):
        side = int(rng.integers(500, 1100))
        ground = tuple(float(value) for value in np.clip(rng.uniform(0.3, 1.0) + rng.uniform(-0.08, 0.08, 3), 0, 1))
        ground = GROUNDS[0] if rng.integers(3) == 0 else ground
        placement, _ = pose_product(cut.alpha[None], side, side, "marketplace", float(rng.uniform(0.5, 0.86)))
        scene = torch.tensor(ground).expand(1, side, side, 3)
        if rng.integers(3) == 0:  # a ground that darkens to one side
            scene = scene * torch.linspace(1.0, float(rng.uniform(0.8, 0.95)), side).view(1, -1, 1, 1)
        _, placed = place_on_background(cut.product[None], cut.alpha[None], placement, ground)
        shade = gaussian_blur(placed.roll((side // 60, int(rng.integers(-side // 30, side // 30))), (1, 2)), side / 60)
        scene = linear_to_srgb(srgb_to_linear(scene) * (1 - float(rng.uniform(0, 0.35)) * shade[..., None]))
        picture = paste_back(scene, cut.product[None], cut.alpha[None], placement, 1.0).image[0]
        picture = picture.roll((int(rng.integers(-1, 2)), int(rng.integers(-1, 2))), (0, 1))
        picture = linear_to_srgb((srgb_to_linear(picture) * rng.uniform(0.95, 1.05)).clamp(0, 1))
        size = (round(side * 2 ** rng.uniform(-1, 1)),) * 2
        planes = F.interpolate(picture.permute(2, 0, 1)[None], size=size, mode="bicubic", antialias=True)[0]
        yield Case("good, disturbed", True, saved(planes.permute(1, 2, 0), int(rng.integers(75, 96)), 2200), cut)


def lamps(photo: Tensor, cut: Cutout, number: int) -> Iterator[Case]:
    """The photo in the light of a lamp of 3000 K or a sky of 10000 K, and in pink light, or painted so; where it has a
    plain ground, by which alone that can be told."""
    if studio_of(photo, cut.alpha, cut.alpha) is None:
        return
    for kind, good, gain in (
        ("warm lamp or cold sky, on all", True, ((1.0, 0.48, 0.16), (0.61, 0.70, 1.0))[number % 2]),
        ("pink light or paint, on all", False, (1.0, 0.6, 1.0)),
    ):
        lit = linear_to_srgb((srgb_to_linear(photo) * torch.tensor(gain)).clamp(0, 1))
        yield Case(kind, good, saved(lit, 88), cut, "" if good else "colour")


def mirrored_print(product: Tensor, alpha: Tensor) -> Tensor | None:
    """With what catches the eye most turned left to right; None where that makes hardly a difference."""
    changed = product - wiped(product, alpha)
    strength = changed.abs().amax(dim=-1)
    rows, columns = torch.nonzero(strength > 0.02, as_tuple=True)
    if len(rows) == 0:
        return None
    area = (slice(int(rows.min()), int(rows.max()) + 1), slice(int(columns.min()), int(columns.max()) + 1))
    turned_round = product.clone()
    turned_round[area] = product[area].flip(1)
    off = gaussian_blur((srgb_to_lab(turned_round) - srgb_to_lab(product))[area].movedim(-1, 0)[None], 2.0)[0]
    return turned_round if float(off.norm(dim=0).mean()) > 8 and float(alpha[area].min()) > 0.99 else None


def wrongs(cut: Cutout, other: Cutout, rng: np.random.Generator) -> Iterator[Case]:
    ground = GROUNDS[int(rng.integers(3))]
    plain = shot(cut.product, cut.alpha, ground)

    def wrong(kind: str, picture: Tensor, must: str, *may: str, cut: Cutout = cut) -> Case:
        return Case(kind, False, saved(picture, 88), cut, must, may)

    yield wrong("mirrored", plain.picture.flip(1), "mirrored")
    yield wrong("another product", shot(other.product, other.alpha, ground).picture, "not found")
    yield wrong("recoloured", shot(turned(cut.product, rng), cut.alpha, ground).picture, "colour")
    yield wrong("print or buckle gone", shot(wiped(cut.product, cut.alpha), cut.alpha, ground).picture, "changed")
    short = without_foot(cut.alpha)
    kept = paste_back(plain.picture.new_tensor(ground).expand(1, SIDE, SIDE, 3), cut.product[None], short[None],
                      plain.placement, 1.0).image[0]  # fmt: skip
    yield wrong("foot cut off", kept, "missing")
    yield wrong("part added", with_part(plain, cut.product, cut.alpha), "added")
    yield wrong("cut-out bitten, picture too", kept, "cut away", cut=replace(cut, alpha=short))
    yield wrong("blurred", gaussian_blur(plain.picture.movedim(-1, 0)[None], 3.0)[0].movedim(0, -1), "detail")
    wide = F.interpolate(plain.picture.movedim(-1, 0)[None], size=(SIDE, round(SIDE * rng.uniform(1.06, 1.15))),
                         mode="bicubic", antialias=True)[0].movedim(0, -1)  # fmt: skip
    yield wrong("stretched", wide, "stretched")
    logo = mirrored_print(cut.product, cut.alpha)
    if logo is not None:
        yield wrong("print mirrored", shot(logo, cut.alpha, ground).picture, "changed")
    dark = linear_to_srgb(srgb_to_linear(cut.product) * 0.2)
    yield wrong("much darker on white", shot(dark, cut.alpha, GROUNDS[0]).picture, "colour")


def drawn_products(count: int) -> Iterator[tuple[str, Tensor, Cutout]]:
    """Products that a script draws, before a pale wall, with their exact cut-out."""
    from tests.imaging.fidelity_scenes import HELD_OUT, TUNED, product

    for seed, kind in zip(range(count), [*TUNED, *HELD_OUT] * count, strict=False):
        rgb, alpha = product(kind, seed + 2, 600).tensors
        photo = torch.lerp(torch.tensor([0.9, 0.89, 0.87]).expand_as(rgb[0]), rgb[0], alpha[0, ..., None])
        yield f"{kind}_{seed + 2}", photo, Cutout(rgb[0], alpha[0], 1.0)


def relit(folder: Path, cut_of: Callable[[Tensor], Cutout]) -> Iterator[tuple[str, Tensor, Case]]:
    for path in sorted(folder.glob("*_generated_*.png")):
        name = path.stem.partition("_generated_")[0]
        photo, generated = opened(folder / f"{name}_input.png"), opened(path)
        cut = cut_of(photo)
        yield f"{path.stem}", photo, Case("colours lost by a model", False, generated, cut, "colour", RELIT)
        size = (generated.shape[0], generated.shape[1])
        fitted = F.interpolate(photo.permute(2, 0, 1)[None], size=size, mode="bicubic")[0].permute(1, 2, 0).clamp(0, 1)
        scale = Affine(size[1] / photo.shape[1], 0.0, 0.0, 0.0, size[0] / photo.shape[0], 0.0)
        placement = Placement(size[1], size[0], photo.shape[1], photo.shape[0], (scale,), (bounding_box(cut.alpha),))
        mask = mask_on_canvas(cut.alpha[None], placement, size[1], size[0])
        fixed, _ = fix_color(generated[None], fitted[None], mask, None, Settings())
        yield f"{path.stem} fixed", photo, Case("the same, colours brought back", True, fixed[0], cut)


@dataclass(frozen=True)
class Asked:
    """Which pictures: of these `photos` and so many `drawn` products, `good` ones more of each, `few` wrong ones."""

    photos: list[Path]
    relit: Path | None
    drawn: int
    good: int
    few: int
    part: tuple[int, int]


def products(asked: Asked, cut_of: Callable[[Tensor], Cutout]) -> Iterator[tuple[str, Tensor, Cutout]]:
    for path in asked.photos:
        if path.is_dir():
            photo = opened(path / "photo.png")
            alpha = opened(path / "alpha.png")[..., 0]
            yield path.name, photo, Cutout(clean_foreground(photo, alpha), alpha, 1.0)
            continue
        photo = opened(path)
        cut = cut_of(photo)
        if cut.confidence < 0.5:
            print(f"{path.name}: not cut out (confidence {cut.confidence:.2f}), left out")
            continue
        yield path.stem, photo, cut
    yield from drawn_products(asked.drawn)


def cases(asked: Asked, cut_of: Callable[[Tensor], Cutout]) -> Iterator[tuple[str, Tensor, Case]]:
    every = list(products(asked, cut_of))
    for index, (name, photo, cut) in enumerate(every):
        if index % asked.part[1] != asked.part[0]:
            continue
        number = zlib.crc32(name.encode())  # the same pictures of it, whatever else is looked at
        rng = np.random.default_rng(number)
        for case in goods(photo, cut, rng):
            yield name, photo, case
        other = every[(index + 1) % len(every)][2]
        for turn, case in enumerate(wrongs(cut, other, rng)):
            if not asked.few or (turn + number) % 11 < asked.few:
                yield name, photo, case
        for case in lamps(photo, cut, number):
            yield name, photo, case
        for case in more_goods(cut, np.random.default_rng(number + 1), asked.good):
            yield name, photo, case
    if asked.relit is not None and asked.part[0] == 0:
        yield from relit(asked.relit, cut_of)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="*")
    parser.add_argument("--network", type=Path, required=True, metavar="FILE.onnx")
    parser.add_argument("--relit", type=Path, metavar="FOLDER")
    parser.add_argument("--drawn", type=int, default=0, metavar="N", help="so many products that a script draws, too")
    parser.add_argument("--good", type=int, default=0, metavar="N", help="so many more good pictures of each")
    parser.add_argument("--part", default="0/1", metavar="I/N", help="every N-th product, from the I-th (from 0)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the kinds of picture with this in their name")
    parser.add_argument("--few", type=int, default=0, metavar="N", help="only N wrong pictures of each photo, in turn")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="save every picture here")
    parser.add_argument(
        "--json", type=Path, help="add every verdict to this file, a line each; what is in it is not done again"
    )
    options = parser.parse_args()
    eye = OnnxBackgroundRemoval(options.network)
    made: dict[tuple[str, int], Cutout] = {}

    def cut_of(picture: Tensor, parts: Any = "auto") -> Cutout:
        key = (parts, hash(picture.numpy().tobytes()))
        if key not in made:
            made[key] = from_looks(picture, lambda one: eye.raw(one)[0], None, parts)
        return made[key]

    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    known = set()
    for told in options.json.read_text(encoding="utf-8").splitlines() if options.json and options.json.exists() else ():
        line = json.loads(told)
        known.add((line["name"], line["kind"]))
        for column, value in enumerate((line["wrong"], True, line["untrue"])):
            counts[line["kind"]][column] += bool(value)
    part, parts = (int(number) for number in options.part.split("/"))
    asked = Asked(options.photos, options.relit, options.drawn, options.good, options.few, (part, parts))
    for name, photo, case in cases(asked, cut_of):
        if options.only not in case.kind or (name, case.kind) in known:
            continue
        picture = reduced(case.picture)
        seen: Seen = seen_in(picture, lambda small: cut_of(small, "all"))
        witness = seen_in(photo, lambda small: cut_of(small, "all")).alpha
        report = check_picture(picture, case.cut.product, case.cut.alpha, photo, seen, witness).report
        wrong = report["passed"] is not case.good
        counts[case.kind][0] += wrong
        counts[case.kind][1] += 1
        untrue = [] if wrong else case.untrue(report["findings"])
        counts[case.kind][2] += bool(untrue)
        marks = ("WRONG " if wrong else "") + (f"UNTRUE {untrue} " if untrue else "")
        print(f"{marks}{name}, {case.kind}: {report['verdict']}; {'; '.join(report['reasons'][:3])}", flush=True)
        if options.json:
            line = {
                "name": name,
                "kind": case.kind,
                "good": case.good,
                "wrong": wrong,
                "untrue": untrue,
                "report": report,
            }
            with options.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        if options.keep:
            options.keep.mkdir(parents=True, exist_ok=True)
            Image.fromarray((picture.numpy() * 255).round().astype(np.uint8)).save(
                options.keep / f"{name}_{case.kind.replace(' ', '_')}.png"
            )
    for kind, (wrong, total, untrue) in counts.items():
        print(f"{kind:32} {wrong:3} wrong of {total:3}, {untrue:3} with a reason too many or the true one missing")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
