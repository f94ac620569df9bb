"""How far the cut-out's confidence can be believed: pictures with exact alpha, changed as photos get changed.

python benchmarks/reliability.py FOLDER [FOLDER ...] [--photos FOLDER --verdicts FILE] [--model FILE.onnx]

A FOLDER holds one folder a picture with `photo.png` and `alpha.png` (`python examples/render.py --hard FOLDER` renders
such). Each is mirrored, halved, compressed with 4:2:0 at quality 60 to 95, dimmed to 70 %, given noise and cropped a
little. A result is right if the product's alpha is at least .985 and elsewhere at most .004, four pixels off the edge.
Printed are the results by confidence, how many verdicts a mirror image changed, and each wrong result that was trusted.

Photos whose exact alpha nobody knows take part with `--verdicts`, a CSV of `photo,verdict`: what somebody who looked
at the unchanged photo's cut-out at 100 % says of it, `right` or `wrong`. A right one is the truth for its changed
copies; a copy whose cut-out is like a wrong one (IoU from .97) is wrong too, and one that is not is left out: nobody
has seen it.
`--masks DIR` keeps what the network saw for the next run. `--processes N` cuts out in N processes of one thread each:
the same results, sooner on a machine of many cores.
"""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import io
import itertools
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes")]

from prodgen_nodes import segment_anything  # noqa: E402
from prodgen_nodes.background_removal import OnnxBackgroundRemoval, by_rank  # noqa: E402
from prodgen_nodes.imaging.segmentation import TRUSTED, Cutout, from_looks, from_plain_backdrop  # noqa: E402

MODELS = ROOT / ".comfyui" / "ComfyUI" / "models" / "background_removal"
WITNESSES = ("u2netp.onnx", "u2net.onnx")
"""What Segment Product asks beside its network: the second, and the third."""
BAND = 4
INSIDE, OUTSIDE = 0.985, 0.004
LIKE = 0.97
"""Intersection over union from which two cut-outs are the same."""
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
    levels = np.asarray(picture, dtype=np.float32)
    pixels = levels + np.random.default_rng(3).normal(0, 5, levels.shape)
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


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two mattes."""
    union = ((one > 0.5) | (other > 0.5)).sum()
    return float(((one > 0.5) & (other > 0.5)).sum() / union) if union else 1.0


class Cutter:
    """The default cut-out with a network, or the model-free way; `masks` is a folder that keeps what it saw.

    As in Segment Product, a U²-Net-P and a U²-Net beside the network's file, and MobileSAM in the folder beside that
    one's, are asked where it is in doubt.
    """

    def __init__(self, model: OnnxBackgroundRemoval | None, masks: Path | None) -> None:
        self.model, self.masks = model, masks
        self.witnesses: list[OnnxBackgroundRemoval] = []
        if model is not None and model.path.name not in WITNESSES:
            beside = (model.path.with_name(name) for name in WITNESSES)
            self.witnesses = [OnnxBackgroundRemoval(path) for path in beside if path.is_file()]
        sam = None if model is None else model.path.parent.with_name("sams") / segment_anything.MobileSam.FILE
        self.objects = segment_anything.MobileSam(sam) if sam is not None and sam.is_file() else None
        if masks is not None:
            masks.mkdir(parents=True, exist_ok=True)

    def __call__(self, picture: Image.Image) -> Cutout:
        """The cut-out of one picture."""
        photo = torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)
        if self.model is None:
            return from_plain_backdrop(photo)
        look, *others = (functools.partial(self._look, model) for model in (self.model, *self.witnesses))
        other, third = (*others, None, None)[:2]
        return from_looks(photo, look, None, "auto", other, third, None if self.objects is None else self.objects.see)

    def _look(self, model: OnnxBackgroundRemoval, picture: torch.Tensor) -> torch.Tensor:
        if self.masks is None:
            return model.raw(picture)[0]
        seen = hashlib.sha256(picture.contiguous().numpy().tobytes()).hexdigest()[:24]
        kept = self.masks / f"{Path(model.name).stem}-{seen}.npy"
        if not kept.exists():
            np.save(kept, model.raw(picture)[0].numpy().astype(np.float16))
        return torch.from_numpy(np.load(kept).astype(np.float32))


@dataclass(frozen=True)
class Result:
    """One picture's cut-out under one change, and whether it is right."""

    picture: str
    change: str
    confidence: float
    right: bool


@dataclass(frozen=True)
class Picture:
    """A picture's file; `verdict` (`right` or `wrong`): a photo's, whose exact alpha is not beside it."""

    path: Path
    verdict: str | None = None

    def results(self, cut: Cutter) -> list[Result]:
        """The picture's results under every change."""
        return list(self._by_truth(cut) if self.verdict is None else self._by_eye(cut))

    def _by_truth(self, cut: Cutter) -> Iterator[Result]:
        photo = Image.open(self.path).convert("RGB")
        truth = Image.open(self.path.with_name("alpha.png")).convert("L")
        for name, change in {**PIXELS, **SHAPE}.items():
            made = cut(change(photo))
            exact = np.asarray(change(truth) if name in SHAPE else truth, dtype=np.float32) / 255
            yield Result(self.path.parent.name, name, made.confidence, is_right(made.alpha.numpy(), exact))

    def _by_eye(self, cut: Cutter) -> Iterator[Result]:
        """Only changes whose result is like the one that was judged."""
        photo, right = ImageOps.exif_transpose(Image.open(self.path)).convert("RGB"), self.verdict == "right"
        judged = cut(photo)
        yield Result(self.path.stem, "as it is", judged.confidence, right)
        known = Image.fromarray((judged.alpha.numpy() * 255).round().astype(np.uint8))
        for name, change in itertools.islice({**PIXELS, **SHAPE}.items(), 1, None):
            made = cut(change(photo))
            wanted = np.asarray(change(known) if name in SHAPE else known, dtype=np.float32) / 255
            alpha = made.alpha.numpy()
            if right or overlap(alpha, wanted) >= LIKE:
                yield Result(self.path.stem, name, made.confidence, right and is_right(alpha, wanted))


class Worker:
    """A process that cuts out with a network of its own."""

    cut: Cutter

    @classmethod
    def start(cls, model: Path | None, masks: Path | None) -> None:
        torch.set_num_threads(1)
        cls.cut = Cutter(OnnxBackgroundRemoval(model) if model else None, masks)

    @classmethod
    def results(cls, picture: Picture) -> list[Result]:
        return picture.results(cls.cut)


def all_results(pictures: list[Picture], model: Path | None, masks: Path | None, processes: int) -> Iterator[Result]:
    """The results of all pictures, picture by picture as they are done."""
    if processes == 1:
        cut = Cutter(OnnxBackgroundRemoval(model) if model else None, masks)
        for picture in pictures:
            yield from picture.results(cut)
        return
    own = multiprocessing.get_context("spawn")
    with own.Pool(processes, Worker.start, (model, masks)) as pool:
        for results in pool.imap_unordered(Worker.results, pictures):
            yield from results


def by_confidence(results: list[Result]) -> str:
    """The reliability table."""
    lines = []
    for low, high in itertools.pairwise(BINS):
        inside = [result.right for result in results if low <= result.confidence < high]
        if inside:
            share = sum(inside) / len(inside)
            lines.append(f"confidence {low:.2f} to {min(high, 1.0):.2f}: {len(inside):4d} pictures, {share:6.1%} right")
    trusted = [result.right for result in results if result.confidence >= TRUSTED]
    if trusted:
        lines.append(f"trusted (from {TRUSTED}): {len(trusted)} pictures, {sum(trusted) / len(trusted):.1%} right")
    return "\n".join(lines)


def mirrored_verdicts(results: list[Result]) -> str:
    """In how many pictures the mirror image has another confidence (more than .05 off)."""
    of = {(result.picture, result.change): result.confidence for result in results}
    pairs = [(name, of[name, "as it is"], of[name, "mirrored"]) for name, change in of if change == "mirrored"]
    other = [f"{name} {one:.2f}/{two:.2f}" for name, one, two in pairs if abs(one - two) > 0.05]
    return f"mirrored: {len(pairs) - len(other)} of {len(pairs)} the same (±.05); others: {', '.join(other) or 'none'}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--photos", type=Path, action="append", default=[], help="a folder of photos, with --verdicts")
    parser.add_argument("--verdicts", type=Path, help="a CSV of photo,verdict")
    parser.add_argument("--model", type=Path, help="an ONNX file (default: the best installed)")
    parser.add_argument("--without-model", action="store_true", help="the model-free way")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="keep the network's masks there")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    options = parser.parse_args()
    here = {path.name: path.stat().st_size for path in MODELS.glob("*.onnx")}
    model = None
    if not options.without_model:
        model = options.model or MODELS / by_rank(here)[0]
    verdicts = {}
    if options.verdicts:
        with options.verdicts.open(encoding="utf-8", newline="") as file:
            verdicts = {row["photo"]: row["verdict"] for row in csv.DictReader(file)}
    pictures = [Picture(path) for folder in options.folders for path in sorted(folder.glob("*/photo.png"))]
    for folder in options.photos:
        judged = sorted(path for path in folder.iterdir() if path.stem in verdicts)
        pictures += [Picture(path, verdicts[path.stem]) for path in judged]
    results = []
    for result in all_results(pictures, model, options.masks, options.processes):
        results.append(result)
        if options.json:  # after every result: what a time limit cuts off is lost, nothing else
            options.json.write_text(json.dumps([vars(result) for result in results], indent=1), encoding="utf-8")
        if not result.right and result.confidence >= TRUSTED:
            print(f"trusted and wrong: {result.picture}, {result.change}, {result.confidence:.2f}", flush=True)
    print(f"{len(results)} pictures, {model.name if model else 'without a model'}")
    print(by_confidence(results), mirrored_verdicts(results), sep="\n")


if __name__ == "__main__":
    main()
