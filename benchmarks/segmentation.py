"""The cut-out against rembg's alpha matting, OpenCV's GrabCut (seeded from the frame) and pymatting.

python benchmarks/segmentation.py [--sizes 1024,2048,4096] [--pictures FOLDER]

rembg gets the same network's mask, and both are timed from the photo on, network included. The product is a made one
with exact alpha; with --pictures, rembg is also compared on every `photo.png` and `alpha.png` of a folder's folders
(`python examples/render.py --hard FOLDER` renders such).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import pymatting
import torch
from PIL import Image
from rembg.bg import alpha_matting_cutout

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.background_removal import OnnxBackgroundRemoval, by_rank  # noqa: E402
from prodgen_nodes.imaging.colorspace import srgb_to_linear  # noqa: E402
from prodgen_nodes.imaging.segmentation import from_looks, from_plain_backdrop  # noqa: E402
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


MODELS = ROOT / ".comfyui" / "ComfyUI" / "models" / "background_removal"


def network() -> OnnxBackgroundRemoval | None:
    """The best that is installed; None where there is none."""
    here = {path.name: path.stat().st_size for path in MODELS.glob("*.onnx")}
    return OnnxBackgroundRemoval(MODELS / by_rank(here)[0]) if here else None


def by_rembg(photo: torch.Tensor, model: OnnxBackgroundRemoval) -> torch.Tensor:
    """rembg's alpha matting with its own settings, on this network's mask; alpha `[H,W]`."""
    picture = Image.fromarray((photo.numpy() * 255).round().astype(np.uint8))
    mask = Image.fromarray((model.raw(photo.unsqueeze(0))[0].numpy() * 255).astype(np.uint8))
    mask = mask.resize(picture.size, Image.Resampling.LANCZOS)
    out = alpha_matting_cutout(picture, mask, 240, 10, 10)
    return torch.from_numpy(np.asarray(out)[..., 3].astype(np.float32) / 255)


def by_us(photo: torch.Tensor, model: OnnxBackgroundRemoval) -> torch.Tensor:
    """The same network's mask and this project's cut-out; alpha `[H,W]`."""
    return from_looks(photo, lambda picture: model.raw(picture)[0]).alpha


def beside_rembg(folder: Path, model: OnnxBackgroundRemoval) -> None:
    """Print both errors for every picture of the folder."""
    figures = []
    for path in sorted(folder.glob("*/photo.png")):
        photo = torch.from_numpy(np.asarray(Image.open(path).convert("RGB"), dtype=np.float32) / 255)
        alpha = np.asarray(Image.open(path.with_name("alpha.png")).convert("L"), dtype=np.float32) / 255
        truth = torch.from_numpy(alpha)
        ours, theirs = (errors(cut(photo, model), truth) for cut in (by_us, by_rembg))
        figures.append((*ours, *theirs))
        line = " ".join(f"{value:.4f}" for value in (*ours, *theirs))
        print(f"{path.parent.name:24s} MAE, edge band, IoU: ours {line[:20]}  rembg {line[21:]}", flush=True)
    middle = np.median(figures, axis=0)
    print(f"median of {len(figures)}: edge band {middle[1]:.4f} / {middle[4]:.4f}, ratio {middle[1] / middle[4]:.2f}")


def main() -> None:
    """Print the table; `--json FILE` also writes it."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--pictures", type=Path)
    own, sys.argv[1:] = parser.parse_known_args()
    options = arguments(__doc__ or "")
    model = network()
    if own.pictures is not None and model is not None:
        beside_rembg(own.pictures, model)
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
        if model is not None:
            learned, matted = errors(by_us(photo.cpu(), model), alpha), errors(by_rembg(photo.cpu(), model), alpha)
            rows.append(
                compare(
                    f"cut-out with {model.name}",
                    size,
                    lambda p=photo: by_us(p.cpu(), model),
                    "rembg, alpha matting",
                    lambda p=photo: by_rembg(p.cpu(), model),
                    runs=min(options.runs, 3),
                    note=f"band error {learned[1]:.4f} / {matted[1]:.4f}, IoU {learned[2]:.4f} / {matted[2]:.4f}",
                )
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
