"""How far the cut-out's confidence can be believed: pictures with exact alpha, changed as photos get changed.

python benchmarks/reliability.py FOLDER [--model FILE.onnx] [--json FILE]

FOLDER holds one folder a picture with `photo.png` and `alpha.png` (`python examples/render.py --hard FOLDER` renders
such). Each is mirrored, halved, compressed with 4:2:0 at quality 60 to 95, dimmed to 70 %, given noise and cropped a
little. A result is right if the product's alpha is at least .985 and elsewhere at most .004, four pixels off the edge.
Printed are the results by confidence, and each wrong one that was trusted.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes.background_removal import OnnxBackgroundRemoval, by_rank  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_model, from_plain_backdrop  # noqa: E402

MODELS = ROOT / ".comfyui" / "ComfyUI" / "models" / "background_removal"
BAND = 4
INSIDE, OUTSIDE = 0.985, 0.004
BINS = (0.0, 0.25, 0.5, 0.75, 0.9, 1.01)
Change = Callable[[Image.Image], Image.Image]


def compressed(quality: int) -> Change:
    """JPEG at this quality with halved chroma."""

    def change(picture: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality, subsampling=2)
        return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")

    return change


def noisy(picture: Image.Image) -> Image.Image:
    """Sensor noise of five levels."""
    pixels = np.asarray(picture, dtype=np.float32)
    pixels = pixels + np.random.default_rng(3).normal(0, 5, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def dimmed(picture: Image.Image) -> Image.Image:
    """70 % of the brightness."""
    return picture.point(lambda value: round(0.7 * value))


def halved(picture: Image.Image) -> Image.Image:
    """Half the size."""
    return picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)


def cropped(picture: Image.Image) -> Image.Image:
    """A few per cent less at the sides."""
    width, height = picture.size
    return picture.crop((int(0.03 * width), int(0.03 * height), int(0.98 * width), int(0.99 * height)))


PIXELS: dict[str, Change] = {
    "as it is": lambda picture: picture,
    **{f"JPEG {quality}": compressed(quality) for quality in (60, 75, 85, 95)},
    "dimmed": dimmed,
    "noise": noisy,
}
SHAPE: dict[str, Change] = {"mirrored": ImageOps.mirror, "half size": halved, "cropped": cropped}


def is_right(alpha: np.ndarray, truth: np.ndarray) -> bool:
    """Whether the product is whole and nothing else is there, off the edge band."""
    core = ndimage.binary_erosion(truth > 0.98, iterations=BAND)
    beyond = ~ndimage.binary_dilation(truth > 0.02, iterations=BAND)
    whole = not core.any() or float(alpha[core].mean()) >= INSIDE
    return whole and (not beyond.any() or float(alpha[beyond].mean()) <= OUTSIDE)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, help="an ONNX file (default: the best installed)")
    parser.add_argument("--without-model", action="store_true", help="the model-free way")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    here = {path.name: path.stat().st_size for path in MODELS.glob("*.onnx")}
    model = None
    if not options.without_model:
        model = OnnxBackgroundRemoval(options.model or MODELS / by_rank(here)[0])

    def cut(picture: Image.Image) -> Cutout:
        photo = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)
        return from_plain_backdrop(photo) if model is None else from_model(photo, model.raw(photo.unsqueeze(0))[0])

    results = []
    for path in sorted(path for folder in options.folders for path in folder.glob("*/photo.png")):
        photo = Image.open(path).convert("RGB")
        truth = Image.open(path.with_name("alpha.png")).convert("L")
        for name, change in {**PIXELS, **SHAPE}.items():
            made = cut(change(photo))
            exact = np.asarray(change(truth) if name in SHAPE else truth, dtype=np.float32) / 255
            right = is_right(made.alpha.numpy(), exact)
            results.append((path.parent.name, name, made.confidence, right))
            if not right and made.confidence >= 0.75:
                print(f"trusted and wrong: {path.parent.name}, {name}, confidence {made.confidence:.2f}", flush=True)
    print(f"{len(results)} pictures, {model.name if model else 'without a model'}")
    for low, high in itertools.pairwise(BINS):
        inside = [right for *_, confidence, right in results if low <= confidence < high]
        if inside:
            share = sum(inside) / len(inside)
            print(f"confidence {low:.2f} to {min(high, 1.0):.2f}: {len(inside):4d} pictures, {share:6.1%} right")
    if options.json:
        options.json.write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main()
