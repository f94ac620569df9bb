"""Whether "whole product" means whole: cut-outs with a piece bitten off, and good ones, beside their photos.

Bites: a foot, a strip of the base, a corner, a side, a strap or leg, .3 to 8 % of the product; sharp, feathered, or
along the brightness, as a mask that takes dark leather for shadow. Good: exact masks as they are, a pixel off, softer,
beside a JPEG in another light, cropped by the frame, and a network's cut-outs of renders where they are right. What is
photographed are drawn products on six grounds, the renders of `--products` (folders of `NAME/photo.png` and
`NAME/alpha.png`), and photos of `--photos` whose cut-out `--verdicts` (CSV of `photo,verdict`) calls right. Every
second one is held out.

A bite that hardly differs from the ground (median ΔE00 below 5) is counted apart: no eye sees it.

    .venv/bin/python -m benchmarks.whole_product --half held_out --products ../renders
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.background_removal import OnnxBackgroundRemoval  # noqa: E402 - the repository is not installed
from prodgen_nodes.imaging.fidelity.whole import Whole, judge_whole  # noqa: E402

from benchmarks.reliability import MODELS, Cutter, is_right  # noqa: E402
from tests.imaging import fidelity_scenes  # noqa: E402
from tests.imaging import whole_scenes as scenes  # noqa: E402
from tests.imaging.registration_scenes import Photo  # noqa: E402

LONGEST = 1400


@dataclass(frozen=True)
class Case:
    """A photo with a mask of the product `name`; `bitten` where the mask lacks a piece."""

    name: str
    kind: str
    photo: Photo
    bitten: scenes.Bitten | None = None


def drawn(half: str, seeds: int) -> Iterator[tuple[str, Photo]]:
    kinds = fidelity_scenes.TUNED if half == "tuned" else fidelity_scenes.HELD_OUT
    for turn in range(seeds):
        for index, kind in enumerate(kinds):
            ground = scenes.GROUNDS[(index + turn) % len(scenes.GROUNDS)]
            seed = index + 7 * turn + (1000 if half == "held_out" else 500)
            yield f"{kind}, {ground}, {seed}", scenes.scene(kind, ground, seed)


def _opened(path: Path, mode: str) -> Image.Image:
    picture = ImageOps.exif_transpose(Image.open(path)).convert(mode)
    picture.thumbnail((LONGEST, LONGEST))
    return picture


def rendered(folders: list[Path], half: str) -> Iterator[tuple[str, Photo]]:
    """Every second product of the folders."""
    paths = sorted((path.parent for folder in folders for path in folder.glob("*/alpha.png")), key=lambda p: p.name)
    for path in paths[half == "held_out" :: 2]:
        rgb, alpha = (np.asarray(_opened(path / f"{part}.png", mode), dtype=np.float64) / 255
                      for part, mode in (("photo", "RGB"), ("alpha", "L")))  # fmt: skip
        yield f"{path.parent.name}/{path.name}", Photo(rgb, alpha)


def judged(folder: Path, verdicts: Path, cut: Cutter, half: str) -> Iterator[tuple[str, Photo]]:
    """Every second of the photos whose cut-out somebody called right, with that cut-out."""
    with verdicts.open(newline="", encoding="utf-8") as lines:
        right = sorted(row["photo"] for row in csv.DictReader(lines) if row["verdict"] == "right")
    for name in right[half == "held_out" :: 2]:
        picture = _opened(next(folder.glob(f"{name}.*")), "RGB")
        yield name, Photo(np.asarray(picture, dtype=np.float64) / 255, cut(picture).alpha.numpy().astype(np.float64))


def good(name: str, photo: Photo) -> Iterator[Case]:
    for number, (kind, change) in enumerate(scenes.GOOD.items()):
        yield Case(name, kind, change(photo, np.random.default_rng(zlib.crc32(name.encode()) + number)))


def by_network(name: str, photo: Photo, cut: Cutter) -> Iterator[Case]:
    """The network's own cut-out, where it is right."""
    alpha = cut(fidelity_scenes.as_picture(photo.rgb)).alpha.numpy().astype(np.float64)
    if is_right(alpha, photo.alpha):
        yield Case(name, "a network's", Photo(photo.rgb, alpha))


def bitten(name: str, photo: Photo) -> Iterator[Case]:
    """One bite at each place, every second one beside a JPEG in another light."""
    for number, place in enumerate(scenes.PLACES):
        for attempt in range(8):
            rng = np.random.default_rng(zlib.crc32(f"{name} {place} {attempt}".encode()))
            piece = scenes.bite(photo, place, rng)
            if piece is not None:
                shown = scenes.developed(piece.photo, rng) if number % 2 else piece.photo
                yield Case(name, f"bite: {place}", shown, piece)
                break


def cases(options: argparse.Namespace) -> Iterator[Case]:
    cut = Cutter(OnnxBackgroundRemoval(options.model), options.masks) if options.model else None
    for name, photo in rendered(options.products, options.half):
        yield from good(name, photo)
        yield from bitten(name, photo)
        if cut is not None:
            yield from by_network(name, photo, cut)
    for name, photo in drawn(options.half, options.seeds):
        yield from good(name, photo)
        yield from bitten(name, photo)
    if cut is not None and options.photos and options.verdicts:
        for name, photo in judged(options.photos, options.verdicts, cut, options.half):
            yield from good(name, photo)
            yield from bitten(name, photo)


def names_the_place(found: Whole, case: Case) -> bool:
    """Whether a box of what is missing holds part of what was bitten off."""
    assert case.bitten is not None
    return any(
        float(case.bitten.gone[p.box.top : p.box.bottom, p.box.left : p.box.right].sum())
        > 0.15 * float(case.bitten.gone.sum())
        for p in found.missing
    )


def outcome(case: Case, found: Whole) -> str:
    """`right`, `open` (could not be checked), `wrong`, or for a bite that was found elsewhere `misplaced`."""
    if found.whole is None:
        return "open"
    if case.bitten is None:
        return "right" if found.whole else "wrong"
    if found.whole:
        return "wrong"
    return "right" if names_the_place(found, case) else "misplaced"


def group(case: Case) -> str:
    if case.bitten is None or case.bitten.seen >= scenes.SEEN:
        return case.kind
    return "bites that nobody sees"


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--half", choices=("tuned", "held_out"), default="held_out")
    parser.add_argument("--seeds", type=int, default=4, help="drawn products of each kind")
    parser.add_argument("--products", type=Path, nargs="*", default=[], help="folders of NAME/photo.png and alpha.png")
    parser.add_argument("--photos", type=Path, help="photos whose cut-out was judged")
    parser.add_argument("--verdicts", type=Path, help="what was said of them: CSV of photo,verdict")
    parser.add_argument("--model", type=Path, help=f"the network (in {MODELS}); without it no masks of a network")
    parser.add_argument("--masks", type=Path, help="keep what the network saw for the next run")
    parser.add_argument("--json", type=Path, help="also write every outcome to this file")
    options = parser.parse_args()
    counts: dict[str, Counter[str]] = {}
    lines, products, seconds = [], set(), 0.0
    for case in cases(options):
        rgb, alpha = case.photo.tensors
        started = time.perf_counter()
        found = judge_whole(rgb[0], alpha[0])
        seconds += time.perf_counter() - started
        result, kind = outcome(case, found), group(case)
        products.add(case.name)
        for total in (kind, "all bites" if kind.startswith("bite:") else "all good" if case.bitten is None else None):
            if total:
                counts.setdefault(total, Counter())[result] += 1
        pieces = [(piece.place, round(piece.share, 4)) for piece in found.missing]
        about = {} if case.bitten is None else {
            "cut": case.bitten.cut, "share": round(case.bitten.share, 4), "seen": round(case.bitten.seen, 1)
        }  # fmt: skip
        lines.append(
            {"name": case.name, "kind": kind, "result": result, "missing": pieces, "note": found.note, **about}
        )
        if result in ("wrong", "misplaced"):
            print(f"{result}: {case.name}, {case.kind} {about or ''} {pieces or ''}", flush=True)
    print(f"{len(products)} products, {len(lines)} cut-outs, {seconds / len(lines):.3f} s each")
    for kind, count in sorted(counts.items()):
        shares = ", ".join(f"{count[name]} {name}" for name in ("right", "open", "wrong", "misplaced"))
        print(f"{kind:24} {count.total():4}: {shares}; wrong {count['wrong'] / count.total():.1%}")
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
