"""Which pictures hold a product: how often it is found where it is, and how often where it is not.

python benchmarks/product_filter.py [--scenes 60] [--network FILE.onnx] [--pictures FOLDER] [--sightings FOLDER]

Half of the pictures hold the product, half hold others: often of the same kind in another colour, or of its colour and
another kind. Drawn ones, each with one to three products on a studio floor. With --pictures, rendered products instead
(cut out of every `photo.png` by its `alpha.png` in a folder's folders, `python examples/render.py --set FOLDER`), stood
on a floor in another size, light and slightly turned. With --sightings, photos of products rendered anew from other
sides, in other light and elsewhere (`python examples/render.py --sightings FOLDER`). Without --network the backdrop
itself is modelled.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes"), str(ROOT / "benchmarks")]

from objects import product, stood  # noqa: E402
from prodgen_nodes.background_removal import OnnxBackgroundRemoval  # noqa: E402
from prodgen_nodes.imaging.likeness import PRESETS, Sighting, compare, judged, looks_of  # noqa: E402
from prodgen_nodes.imaging.objects import Thing, separate  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_looks, from_plain_backdrop  # noqa: E402

from tests.imaging.sightings import drawn_product, rival, sight  # noqa: E402 - the paths above come first

Plane = NDArray[np.float64]
Look = Callable[[Tensor], Cutout]


@dataclass(frozen=True)
class Case:
    """A picture, a photo of the product that is looked for, and whether the picture holds it."""

    name: str
    reference: Tensor
    picture: Tensor
    holds: bool


def drawn(count: int) -> Iterator[Case]:
    for seed in range(count):
        rng = np.random.default_rng(1000 + seed)
        wanted, holds = drawn_product(rng), seed % 2 == 0
        others = [rival(wanted, rng) for _ in range(int(rng.integers(0 if holds else 1, 3)))]
        shown = [*others, wanted] if holds else others
        rng.shuffle(shown)
        reference = sight((wanted,), 5000 + seed).photo
        yield Case(f"drawn {seed} {wanted} in {shown}", reference, sight(tuple(shown), seed).photo, holds)


def rendered(folder: Path, count: int) -> Iterator[Case]:
    folders = sorted(path.parent for path in folder.glob("*/photo.png"))
    for seed in range(count):
        rng = np.random.default_rng(seed)
        holds = seed % 2 == 0
        chosen = [folders[index] for index in rng.choice(len(folders), 3 + seed % 2, replace=False)]
        wanted, others = chosen[0], chosen[1 : 2 + seed % 3]
        shown = [*others, wanted] if holds else others
        rng.shuffle(shown)
        picture, _ = stood([seen_again(*product(path), rng) for path in shown], rng)
        photo = Image.open(wanted / "photo.png").convert("RGB")
        photo.thumbnail((900, 900))
        reference = torch.from_numpy(np.asarray(photo).astype(np.float32) / 255)
        yield Case(f"{wanted.name} in {[path.name for path in shown]}", reference, picture, holds)


def seen_again(colour: Plane, alpha: Plane, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """A product in another light, a little turned and tilted."""
    gain = rng.uniform(0.8, 1.25) * rng.uniform(0.94, 1.06, 3)
    planes = np.dstack([(colour**2.2 * gain).clip(0, 1) ** (1 / 2.2) * alpha[..., None], alpha])
    width = max(2, int(planes.shape[1] * rng.uniform(0.86, 1.06)))
    planes = ndimage.zoom(planes, (1, width / planes.shape[1], 1), order=1)
    planes = ndimage.rotate(planes, rng.uniform(-6, 6), axes=(0, 1), order=1).clip(0, 1)
    rows, columns = np.nonzero(planes[..., 3] > 0.02)
    planes = planes[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    return (planes[..., :3] / np.maximum(planes[..., 3:], 1e-3)).clip(0, 1), planes[..., 3]


def anew(folder: Path) -> Iterator[Case]:
    """Each other view of each product, looked for with its own reference, and with those of the next two products."""
    names = sorted(path.parent.name for path in folder.glob("*/reference.png"))
    for number, name in enumerate(names):
        for view in sorted((folder / name).glob("*.png")):
            if view.stem != "reference":
                for step in (0, 1, 2, 5):
                    other = names[(number + step) % len(names)]
                    reference = opened(folder / other / "reference.png")
                    yield Case(f"{other} in {name}/{view.stem}", reference, opened(view), step == 0)


def opened(path: Path) -> Tensor:
    return torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).astype(np.float32) / 255)


def finder(network: Path | None) -> Look:
    """What cuts everything out of a picture; pictures of the same values are cut out once."""
    eye = None if network is None else OnnxBackgroundRemoval(network)
    kept: dict[int, Cutout] = {}

    def look(photo: Tensor) -> Cutout:
        key = hash(photo.numpy().tobytes())
        if key not in kept:
            if eye is None:
                kept[key] = from_plain_backdrop(photo, None, None, "all")
            else:
                kept[key] = from_looks(photo, lambda picture: eye.raw(picture)[0], None, "all")
        return kept[key]

    return look


def verdict_on(case: Case, look: Look) -> tuple[str, str]:
    reference = look(case.reference)
    wanted = looks_of(reference.product, reference.alpha)
    cut = look(case.picture)
    limits = PRESETS["careful"]
    sightings = []
    for thing in separate(cut.alpha).things:
        likeness = compare(wanted, looks_of(cut.product, thing.mask))
        sightings.append(Sighting(Thing(thing.mask, thing.score), likeness.score, likeness))
    verdict, _ = judged(sightings, limits, "" if cut.confidence >= 0.5 else "not sure")
    best = max(sightings, key=lambda one: one.score, default=None)
    return verdict, "" if best is None else f"{best.score:.2f} {best.likeness}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--network", type=Path, metavar="FILE.onnx")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER")
    parser.add_argument("--sightings", type=Path, metavar="FOLDER")
    parser.add_argument("--first", type=int, default=0, help="leave out so many")
    args = parser.parse_args()
    look, counted = finder(args.network), Counter[tuple[bool, str]]()
    cases = (
        anew(args.sightings)
        if args.sightings
        else rendered(args.pictures, args.scenes)
        if args.pictures
        else drawn(args.scenes)
    )
    for number, case in enumerate(cases):
        if number < args.first:
            continue
        verdict, figures = verdict_on(case, look)
        counted[case.holds, verdict] += 1
        right = verdict == ("found" if case.holds else "not found")
        print(f"{'  ' if right else '! '}{case.name}: {verdict} {figures}", flush=True)
    for holds in (True, False):
        total = sum(count for (held, _), count in counted.items() if held == holds)
        shares = ", ".join(f"{name} {counted[holds, name]}" for name in ("found", "unsure", "not found"))
        print(f"{total} pictures {'with' if holds else 'without'} it: {shares}")


if __name__ == "__main__":
    main()
