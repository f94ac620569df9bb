"""Crop Hands and Put Hands Back against OpenCV's usual recipe and core's crop and composite; and the hand score.

    .venv/bin/python -m benchmarks.hands --sizes 1024,2048,4096

Each side cuts one hand out to 1024² and puts it back unchanged through a soft mask. OpenCV: warpAffine with Lanczos
there, area averaging back, and a float alpha blend in the region (`seamlessClone` is 8-bit and is timed beside it).
Core: the arithmetic of ImageCrop, bicubic ImageScale there and back and ImageCompositeMasked, whole pixels. All work on
sRGB values; ours in linear light, keeps unchanged detail, corrects colour and compares before it blends. The note gives
the largest error of the round trip on noise, ours and theirs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.hands import (  # noqa: E402 - the repository is not installed
    CropSettings,
    HandCrops,
    StitchSettings,
    cut_all,
    parse_frames,
    plan_crops,
    score_hands,
    stitch,
)

from benchmarks.harness import Row, arguments, compare, write  # noqa: E402
from tests.imaging import hand_models as model  # noqa: E402

CROP = 1024
Floats = NDArray[np.float32]


def planned(side: int, image: torch.Tensor) -> HandCrops:
    """The plan for one hand that is a quarter of the picture long."""
    rng = np.random.default_rng(0)
    flat = model.joints(rng, model.relaxed(rng))[:, :2] * (side / 4 / model.LENGTH)
    points = flat - flat.mean(axis=0) + side / 2 + 0.3
    frame = {"canvas_width": side, "canvas_height": side}
    frames = [frame | {"people": [{"hand_left_keypoints_2d": model.pose_list(points)}]}]
    return plan_crops(image, parse_frames(frames, side, side, 1), None, CropSettings(CROP))


def ours(image: torch.Tensor, plan: HandCrops) -> torch.Tensor:
    crops, masks = cut_all(image, plan)
    return stitch(image, crops, plan, StitchSettings("always"), masks).image


def _box(plan: HandCrops) -> tuple[float, float, float]:
    crop = plan.crops[0]
    return crop.corner[0], crop.corner[1], CROP / crop.transform.a


def opencv(image: Floats, plan: HandCrops, mask: Floats, *, seamless: bool = False) -> Floats:
    """Affine crop, affine way back, blend in the region under the crop."""
    left, top, side = _box(plan)
    scale = CROP / side
    # OpenCV counts from pixel centres.
    there = np.array(((scale, 0, (0.5 - left) * scale - 0.5), (0, scale, (0.5 - top) * scale - 0.5)))
    flags = cv2.INTER_LANCZOS4 if scale >= 1 else cv2.INTER_AREA
    crop = cv2.warpAffine(image, there, (CROP, CROP), flags=flags, borderMode=cv2.BORDER_REFLECT)
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    count = int(np.ceil(side)) + 1
    back = np.array(((1 / scale, 0, left - x0 + 0.5 / scale - 0.5), (0, 1 / scale, top - y0 + 0.5 / scale - 0.5)))
    fresh = cv2.warpAffine(crop, back, (count, count), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    cover = cv2.warpAffine(mask, back, (count, count), flags=cv2.INTER_LINEAR)[..., None]
    result = image.copy()
    part = result[y0 : y0 + count, x0 : x0 + count]
    if not seamless:
        part += (fresh - part) * cover
        return result
    whole = (result * 255).round().astype(np.uint8)
    patch, inside = (fresh.clip(0, 1) * 255).round().astype(np.uint8), (cover[..., 0] > 0.5).astype(np.uint8) * 255
    bx, by, width, height = cv2.boundingRect(inside)
    center = (x0 + bx + width // 2, y0 + by + height // 2)
    return cv2.seamlessClone(patch, whole, inside, center, cv2.NORMAL_CLONE).astype(np.float32) / 255


def core(image: torch.Tensor, plan: HandCrops, mask: torch.Tensor) -> torch.Tensor:
    """ImageCrop, ImageScale, and ImageCompositeMasked at the crop's place."""
    left, top, side = (round(value) for value in _box(plan))
    crop = image[:, top : top + side, left : left + side].movedim(-1, 1)
    large = F.interpolate(crop, size=(CROP, CROP), mode="bicubic")
    small = F.interpolate(large, size=(side, side), mode="bicubic")
    cover = F.interpolate(mask[None, None], size=(side, side), mode="bilinear")
    result = image.clone().movedim(-1, 1)
    part = result[:, :, top : top + side, left : left + side]
    result[:, :, top : top + side, left : left + side] = cover * small + (1 - cover) * part
    return result.movedim(1, -1)


def main() -> None:
    options = arguments("Hands cut out and put back, against OpenCV and core; hand scores")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        image = torch.rand(1, side, side, 3, generator=torch.Generator().manual_seed(1))
        plan = planned(side, image)
        mask = cut_all(image, plan)[1][0]
        picture, cover = image[0].numpy(), mask.numpy()
        device, device_mask = image.to(options.device), mask.to(options.device)
        error = float((ours(image, plan) - image).abs().max())
        peers = {
            "OpenCV warpAffine + blend": lambda p=picture, c=cover, k=plan: opencv(p, k, c),
            "OpenCV seamlessClone": lambda p=picture, c=cover, k=plan: opencv(p, k, c, seamless=True),
            "core crop, scale, composite": lambda i=device, m=device_mask, k=plan: core(i, k, m),
        }
        for peer, call in peers.items():
            got = torch.as_tensor(call()).cpu().reshape(image.shape)
            note = f"round trip error {error:.1e} / {float((got - image).abs().max()):.1e}"
            rows.append(
                compare(
                    "cut out and put back",
                    f"{side}x{side}",
                    lambda i=device, k=plan: ours(i, k),
                    peer,
                    call,
                    runs=options.runs,
                    note=note,
                )
            )
    rng = np.random.default_rng(2)
    hands = np.array([model.seen(rng, model.joints(rng, model.relaxed(rng)), model.rotation(rng)) for _ in range(8)])
    points = torch.from_numpy(hands)
    one, told = points[:1], torch.ones(8, 21)
    rows.append(
        compare(
            "score hands",
            "8 hands",
            lambda: score_hands(points, told),
            "one by one",
            lambda: [score_hands(one, told[:1]) for _ in range(8)],
            runs=options.runs,
        )
    )
    write(rows, options.json)


if __name__ == "__main__":
    main()
