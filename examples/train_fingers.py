"""Teach the networks that count a hand's fingers (`imaging/hands/row_reader.py` of the pack) anew.

    MEDIAPIPE/bin/python hand_points.py PHOTOS --out hands.jsonl        where the hands are, see there
    python train_fingers.py hands.jsonl --photos PRODUCTS --steps 5000 --out finger_count.safetensors

The second line needs an installed project (`python install.py`). Each hand's four fingers are unrolled side by side, as
the pack sees them, and edited by `finger_rows.py`: a finger more, two grown together, or the same traces without a
fault. PRODUCTS are photos of anything but hands: pieces of them hide some fingers, and stand for what is no hand. A
quarter of the pictures is held out, by what their names begin with up to their last two digits, as series of photos
show one hand; what is found there of faults and of none is printed at the end. The network that sees the whole hand and
counts its thumbs is taken from the present weights.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from torch import Tensor

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO / "custom_nodes"), str(REPO / "examples")]

import finger_rows  # noqa: E402 - not installed
from finger_rows import Sample  # noqa: E402
from prodgen_nodes.imaging.hands.counting import READERS, WEIGHTS  # noqa: E402
from prodgen_nodes.imaging.hands.look import length_of  # noqa: E402
from prodgen_nodes.imaging.hands.row_reader import Answers, RowReader  # noqa: E402
from prodgen_nodes.imaging.hands.unrolled import CHAINS, unrolled_row  # noqa: E402

BATCH = 32
RATE = 2.5e-3
"""The learning rate at its highest, a tenth of the way in; down along a cosine to nothing."""
DECAY = 1e-3
NORM = 1.0
"""A step's gradient is shortened to this, at most."""
WEIGHT = {"extra": 4.0, "fused": 3.0, "somewhere": 1.0, "there": 0.5}
"""Of each answer's error: those that a hand has several of count by their number, nearly."""
HELD_OUT = 0.25
LEAST = 55.0
"""Pixels: shorter hands show no crease."""
PIECES = 500


@dataclass(frozen=True)
class Hands:
    """Rows `[N,3,80,224]` and steps `[N,80]` of hands, and which of their fingers are straight."""

    rows: NDArray[np.uint8]
    steps: NDArray[np.float32]
    straight: list[list[bool]]

    def sample(self, pieces: NDArray[np.uint8], kind: str = "") -> Sample:
        number, other = random.randrange(len(self.rows)), random.randrange(len(self.rows))
        rows = [torch.from_numpy(one).float() / 255 for one in (self.rows[number], self.rows[other])]
        around = torch.from_numpy(pieces[random.randrange(len(pieces))]).float() / 255
        step = torch.from_numpy(self.steps[number])
        return finger_rows.made(rows[0], step, self.straight[number], rows[1], around, kind)


def hands_of(entries: list[dict[str, object]]) -> Hands:
    rows, steps, straight = [], [], []
    for entry in entries:
        points = torch.tensor(entry["points"], dtype=torch.float64)
        length = length_of(points)
        if length < LEAST:
            continue
        with Image.open(str(entry["picture"])) as opened:
            picture = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), dtype=np.float32) / 255
        row, step = unrolled_row(torch.from_numpy(picture), points, length, finger_rows.KEPT)
        rows.append((row * 255).round().to(torch.uint8).numpy())
        steps.append(step.numpy())
        away = [float((points[chain[3]] - points[chain[0]]).norm()) / length for chain in CHAINS]
        straight.append([one > finger_rows.STRAIGHT for one in away])
    if not rows:
        raise SystemExit("no hand is left to learn from, or to hold out: more pictures are needed")
    return Hands(np.stack(rows), np.stack(steps).astype(np.float32), straight)


def pieces_of(folder: Path) -> NDArray[np.uint8]:
    """Pieces `[N,3,80,224]` of the pictures in `folder`, squeezed to a row's size."""
    files = [path for path in folder.rglob("*") if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}]
    if not files:
        raise SystemExit(f"{folder}: no pictures")
    pieces = []
    for path in random.choices(files, k=PIECES):
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        wide = random.randint(min(picture.size) // 8 + 1, min(picture.size))
        tall = max(1, int(wide * random.uniform(0.25, 0.6)))
        x, y = random.randint(0, picture.width - wide), random.randint(0, picture.height - tall)
        box = (x, y, x + wide, y + tall)
        piece = picture.resize((finger_rows.WIDE, finger_rows.TALL), Image.Resampling.BILINEAR, box)
        pieces.append(np.asarray(piece).transpose(2, 0, 1))
    return np.stack(pieces)


def batch_of(samples: list[Sample]) -> Sample:
    return Sample(*(torch.stack([getattr(one, part.name) for one in samples]) for part in fields(Sample)))


def error_of(answers: Answers, wanted: Sample) -> Tensor:
    parts = {}
    for name in ("extra", "fused"):
        counts = getattr(wanted, f"{name}_counts")
        each = F.binary_cross_entropy_with_logits(getattr(answers, name), getattr(wanted, name), reduction="none")
        parts[name] = (each * counts).sum() / counts.sum().clamp(min=1)
    parts["somewhere"] = (F.softplus(-answers.extra.logsumexp(dim=1)) * wanted.somewhere).mean()
    parts["there"] = F.binary_cross_entropy_with_logits(answers.there, wanted.there)
    return torch.stack([WEIGHT[name] * part for name, part in parts.items()]).sum()


def train(hands: Hands, pieces: NDArray[np.uint8], steps: int, seed: int) -> RowReader:
    random.seed(seed)
    torch.manual_seed(seed)
    reader = RowReader()
    optimizer = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=0.1)
    start, errors = time.monotonic(), []
    for step in range(1, steps + 1):
        wanted = batch_of([hands.sample(pieces) for _ in range(BATCH)])
        error = error_of(reader(wanted.row, wanted.step), wanted)
        optimizer.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), NORM)
        optimizer.step()
        schedule.step()
        errors.append(error.item())
        if step % 100 == 0:
            print(f"{step} steps, {time.monotonic() - start:.0f} s: error {np.mean(errors[-100:]):.4f}", flush=True)
    return reader.eval()


@torch.no_grad()
def found(readers: list[RowReader], hands: Hands, pieces: NDArray[np.uint8]) -> Iterator[str]:
    """What the networks together say of 500 rows of each kind."""
    for kind in finger_rows.KINDS:
        rows = batch_of([hands.sample(pieces, kind) for _ in range(500)])
        answers = [reader(rows.row, rows.step) for reader in readers]
        extra = torch.stack([one.extra for one in answers]).mean(dim=0).logsumexp(dim=1)
        fused = torch.stack([one.fused for one in answers]).mean(dim=0).amax(dim=1)
        more, joined = ((one > 0).float().mean() for one in (extra, fused))
        yield f"{kind}: a finger too many {more:.3f}, grown together {joined:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hands", type=Path, nargs="+", help="what hand_points.py wrote")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photos without hands")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--out", type=Path, default=Path("finger_count.safetensors"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    random.seed(0)
    entries = [json.loads(line) for path in options.hands for line in path.read_text(encoding="utf-8").splitlines()]
    sides: dict[bool, list[dict[str, object]]] = {False: [], True: []}
    for entry in entries:
        sides[_lot(Path(entry["picture"])) < HELD_OUT].append(entry)
    learned, kept = hands_of(sides[False]), hands_of(sides[True])
    pieces = pieces_of(options.photos)
    print(f"{len(learned.rows)} hands to learn from, {len(kept.rows)} held out", flush=True)
    readers = [train(learned, pieces, options.steps, seed) for seed in range(len(READERS))]
    print("\n".join(found(readers, kept, pieces)))
    weights = {name: value for name, value in load_file(WEIGHTS).items() if name.startswith("whole.")}
    for name, reader in zip(READERS, readers, strict=True):
        weights |= {f"{name}.{key}": value.half().contiguous() for key, value in reader.state_dict().items()}
    save_file(weights, options.out)


def _lot(picture: Path) -> float:
    """0..1 by the picture's series: the next photo of the same hand falls on the same side."""
    series = re.sub(r"\d{1,2}\D*$", "", picture.stem) or picture.stem
    return zlib.crc32(f"{picture.parent}/{series}".encode()) % 1000 / 1000


if __name__ == "__main__":
    main()
