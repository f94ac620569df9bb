"""Erase Handle against the usual recipe: OpenCV opening, scikit-image skeleton, scikit-image shortest path.

    .venv/bin/python -m benchmarks.handle --sizes 1024,2048,4096

Both sides find the handle of the same drawn bag, open 30 % of its length in the middle, and return the filled picture,
what is left of the mask, and what was erased. `full size` is the recipe as it is commonly written; `reduced` gives it
our own trick, the search on a copy of at most 768 px. It knows no openings, no twin straps and no product without a
handle, so it gets a picture it can do.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import route_through_array
from skimage.morphology import skeletonize

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.handle import erase_handle  # noqa: E402 - the repository is not installed

from benchmarks.harness import Row, arguments, compare, write  # noqa: E402
from tests.imaging.handle_products import Product, arch, rounded, score  # noqa: E402

WORK_SIDE = 768


def bag(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mask and handle of a bag that fills most of the picture."""
    product = Product("bag").line(arch(0.32, 0.68, 0.46, 0.3), 0.035).solid(rounded(0.15, 0.44, 0.85, 0.92, 0.04))
    return product.render(side)


def skeleton_recipe(
    image: NDArray[np.float32], alpha: NDArray[np.float32], work_side: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Picture with the gap filled, remaining mask, erased mask."""
    side = max(alpha.shape)
    scale = min(1.0, work_side / side)
    small = cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else alpha
    mask = (small > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(0.04 * max(mask.shape)) + 1,) * 2)
    body = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
    thin = (mask & ~cv2.dilate(body, np.ones((3, 3), np.uint8))).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin)
    handle = labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    line = skeletonize(handle)
    thickness = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    ends = np.argwhere(line & (ndimage.convolve(line.astype(np.uint8), np.ones((3, 3))) == 2))
    first, last = ends[np.argmin(ends[:, 1])], ends[np.argmax(ends[:, 1])]
    path, _ = route_through_array(np.where(line, 1.0, 1e4), first, last, fully_connected=True, geometric=True)
    points = np.array(path)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
    middle = points[np.abs(along / along[-1] - 0.5) <= 0.15]
    marks = np.ones(mask.shape, np.uint8)
    marks[points[:, 0], points[:, 1]] = 0
    away, near = cv2.distanceTransformWithLabels(marks, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    chosen = near[middle[:, 0], middle[:, 1]]
    reach = float(np.median(thickness[middle[:, 0], middle[:, 1]])) + 3
    gap = (np.isin(near, chosen) & (away <= reach)).astype(np.float32)
    cover = cv2.resize(gap, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR) if scale < 1 else gap
    x, y, width, height = cv2.boundingRect((cover > 0).astype(np.uint8))
    window = (slice(y, y + height), slice(x, x + width))
    patch, filled = image[window], image.copy()
    linear = np.where(patch <= 0.04045, patch / 12.92, ((patch + 0.055) / 1.055) ** 2.4)
    mixed = linear + (1.0 - linear) * cover[window][..., None]
    filled[window] = np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * np.maximum(mixed, 1e-9) ** (1 / 2.4) - 0.055)
    return filled, alpha * (1 - cover), alpha * cover


def main() -> None:
    options = arguments("Erase Handle against an OpenCV + scikit-image skeleton")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        alpha, handle = bag(side)
        image = torch.where(alpha[..., None] > 0.5, torch.tensor([0.2, 0.3, 0.5]), torch.ones(3))
        device_image, device_alpha = image[None].to(options.device), alpha[None].to(options.device)
        picture, mask = image.numpy(), alpha.numpy()
        ours = score(erase_handle(image[None], alpha[None]).erased[0], handle)
        for peer, work_side in (("skeleton, reduced", WORK_SIDE), ("skeleton, full size", side)):
            theirs = score(torch.from_numpy(skeleton_recipe(picture, mask, work_side)[2]), handle)
            note = f"purity {ours.purity:.3f} / {theirs.purity:.3f}, share {ours.share:.3f} / {theirs.share:.3f}"
            rows.append(
                compare(
                    "find and open the handle",
                    f"{side}x{side}",
                    lambda i=device_image, a=device_alpha: erase_handle(i, a),
                    peer,
                    lambda i=picture, a=mask, w=work_side: skeleton_recipe(i, a, w),
                    runs=options.runs,
                    note=note,
                )
            )
    write(rows, options.json)


if __name__ == "__main__":
    main()
