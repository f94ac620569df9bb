"""The cut-out against OpenCV's GrabCut (seeded from the frame) and pymatting, on a made product with exact alpha.

python benchmarks/segmentation.py [--sizes 1024,2048,4096]
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pymatting
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.imaging.colorspace import srgb_to_linear  # noqa: E402
from prodgen_nodes.imaging.segmentation import from_plain_backdrop  # noqa: E402
from prodgen_nodes.imaging.segmentation.foreground import clean_foreground  # noqa: E402
from prodgen_nodes.imaging.segmentation.matting import closed_form_matte  # noqa: E402

from benchmarks.harness import Row, arguments, compare, write  # noqa: E402 - the paths above come first
from tests.imaging.segmentation_products import errors, scene  # noqa: E402


def grabcut(picture: np.ndarray) -> np.ndarray:
    """GrabCut whose backdrop is what resembles the frame's colour."""
    frame = np.concatenate((picture[:8].reshape(-1, 3), picture[-8:].reshape(-1, 3)))
    off = np.abs(picture.astype(int) - np.median(frame, axis=0)).max(axis=-1)
    mask = np.where(off < 25, cv2.GC_PR_BGD, cv2.GC_PR_FGD).astype(np.uint8)
    mask[:8], mask[-8:], mask[:, :8], mask[:, -8:] = (cv2.GC_BGD,) * 4
    cv2.grabCut(picture, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_MASK)
    return np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)


def main() -> None:
    """Print the table; `--json FILE` also writes it."""
    options = arguments(__doc__ or "")
    rows: list[Row] = []
    for side in (int(size) for size in options.sizes.split(",")):
        small = scene("twin", 1, size=min(side, 1024))
        grow = torch.nn.functional.interpolate
        photo = grow(small.photo.permute(2, 0, 1)[None], size=(side, side), mode="bicubic")[0].permute(1, 2, 0)
        photo = photo.clamp(0, 1).contiguous().to(options.device)
        alpha = grow(small.alpha[None, None], size=(side, side), mode="bicubic")[0, 0].clamp(0, 1)
        picture = (photo.cpu().numpy() * 255).round().astype(np.uint8)
        ours = errors(from_plain_backdrop(photo).alpha.cpu(), alpha)
        theirs = errors(torch.from_numpy(grabcut(picture)), alpha)
        note = f"band error {ours[1]:.4f} / {theirs[1]:.4f}, IoU {ours[2]:.4f} / {theirs[2]:.4f}"
        size = f"{side}x{side}"
        work = lambda photo=photo: from_plain_backdrop(photo)  # noqa: E731 - one line reads best here
        rows.append(
            compare("cut-out", size, work, "OpenCV GrabCut", lambda p=picture: grabcut(p), runs=options.runs, note=note)
        )
        unknown = (alpha > 0.02) & (alpha < 0.98)
        trimap = torch.where(unknown, 0.5, alpha.round()).double().numpy()
        linear = srgb_to_linear(photo.cpu()).double().numpy()
        start, where = alpha.round().to(options.device), unknown.to(options.device)
        rows.append(
            compare(
                "closed-form matte",
                size,
                lambda p=photo, s=start, u=where: closed_form_matte(p, s, u),
                "pymatting estimate_alpha_cf",
                lambda x=linear, t=trimap: pymatting.estimate_alpha_cf(x, t),
                runs=options.runs,
            )
        )
        exact, double = alpha.to(options.device), alpha.double().numpy()
        rows.append(
            compare(
                "foreground colours",
                size,
                lambda p=photo, a=exact: clean_foreground(p, a),
                "pymatting estimate_foreground_ml",
                lambda x=linear, a=double: pymatting.estimate_foreground_ml(x, a),
                runs=options.runs,
            )
        )
    write(rows, options.json)


if __name__ == "__main__":
    main()
