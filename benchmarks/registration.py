"""Register Product against OpenCV: findTransformECC alone, and ORB features with RANSAC, each refined by ECC.

python benchmarks/registration.py [--sizes 768,1024] [--runs N]

All get the same generated pictures (moved, scaled, turned, relit, partly covered) and where the product was meant to
be. The note gives the median and the worst error in pixels at the corners of the product's box over several seeds, and
how often a method said that it failed. ECC and ORB need a picture to compare with: the product on grey, and its mask.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.imaging.compositing import place_on_background  # noqa: E402 - the paths above come first
from prodgen_nodes.imaging.errors import NotRegisteredError  # noqa: E402
from prodgen_nodes.imaging.placement import Affine  # noqa: E402
from prodgen_nodes.imaging.registration import register_product  # noqa: E402

from benchmarks.harness import Row, arguments, compare, write  # noqa: E402
from tests.imaging.registration_scenes import (  # noqa: E402
    Case,
    Photo,
    bag_photo,
    error_of,
    generate,
    placement_of,
    random_disturbance,
    random_drift,
)

SEEDS = range(6)


def grey(picture: torch.Tensor) -> np.ndarray:
    return cv2.cvtColor((picture.numpy() * 255).round().astype(np.uint8), cv2.COLOR_RGB2GRAY)


def placed(case: Case, photo: Photo) -> tuple[np.ndarray, np.ndarray]:
    rgb, alpha = photo.tensors
    image, mask = place_on_background(rgb, alpha, case.placement, (0.5, 0.5, 0.5))
    return grey(image[0]), (mask[0].numpy() > 0.5).astype(np.uint8)


def as_affine(warp: np.ndarray, case: Case) -> Affine:
    """OpenCV counts from pixel centres."""
    (a, b, tx), (c, d, ty) = warp.tolist()
    motion = Affine(a, b, tx + 0.5 - 0.5 * (a + b), c, d, ty + 0.5 - 0.5 * (c + d))
    return motion.after(case.placement.transform(0))


def ecc(case: Case, photo: Photo, start: np.ndarray | None = None) -> Affine | None:
    image, mask = placed(case, photo)
    warp = np.eye(2, 3, dtype=np.float32) if start is None else start.astype(np.float32)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-6)
    scene = grey(case.generated[0])
    # The mask of OpenCV belongs to the second picture, so the product's is the second and the result is inverted.
    inverse = cv2.invertAffineTransform(warp)
    try:
        _, inverse = cv2.findTransformECC(scene, image, inverse, cv2.MOTION_AFFINE, stop, mask, 5)
    except cv2.error:
        return None
    return as_affine(cv2.invertAffineTransform(inverse), case)


def orb(case: Case, photo: Photo) -> Affine | None:
    image, mask = placed(case, photo)
    finder = cv2.ORB_create(4000)
    points, descriptors = finder.detectAndCompute(image, mask)
    others, other_descriptors = finder.detectAndCompute(grey(case.generated[0]), None)
    if descriptors is None or other_descriptors is None:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(descriptors, other_descriptors)
    if len(pairs) < 4:
        return None
    here = np.float32([points[pair.queryIdx].pt for pair in pairs])
    there = np.float32([others[pair.trainIdx].pt for pair in pairs])
    warp, _ = cv2.estimateAffinePartial2D(here, there, method=cv2.RANSAC, ransacReprojThreshold=3)
    return None if warp is None else ecc(case, photo, warp)


def ours(case: Case, photo: Photo) -> Affine | None:
    rgb, alpha = photo.tensors
    try:
        return register_product(case.generated, rgb, alpha, case.placement).placement.transform(0)
    except NotRegisteredError:
        return None


def errors(results: list[Affine | None], cases: list[Case]) -> str:
    found = [error_of(r, c.truth, c.placement)[0] for r, c in zip(results, cases, strict=True) if r is not None]
    worst = f"{np.median(found):.2f} / {max(found):.2f} px" if found else "-"
    failed = sum(result is None for result in results)
    return f"{worst}, {failed} failed"


def main() -> None:
    """Print the table; `--json FILE` also writes it."""
    options = arguments(__doc__ or "")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        photos = [bag_photo(seed) for seed in SEEDS]
        cases = [
            generate(photo, placement_of(photo, side, side), random_drift(seed), random_disturbance(seed), seed)
            for seed, photo in zip(SEEDS, photos, strict=True)
        ]
        pairs = list(zip(cases, photos, strict=True))
        mine = errors([ours(*pair) for pair in pairs], cases)
        for name, peer in (("findTransformECC", ecc), ("ORB + RANSAC + ECC", orb)):
            note = f"error {mine} / {errors([peer(*pair) for pair in pairs], cases)}"
            rows.append(
                compare(
                    "find the product again",
                    f"{side}x{side}",
                    lambda pair=pairs[0]: ours(*pair),
                    name,
                    lambda pair=pairs[0], peer=peer: peer(*pair),
                    runs=options.runs,
                    note=note,
                )
            )
    write(rows, options.json)


if __name__ == "__main__":
    main()
