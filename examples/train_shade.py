"""Teach the network that corrects a drawn ground shadow (`imaging/shadow/learned.py` of the pack) anew.

    python render.py --assorted FOLDER                      made-up things and their shade; two seconds each, needs bpy
    python train_shade.py FOLDER --seconds 2400 --out learned_shade.safetensors
    python train_shade.py FOLDER --start WEIGHTS --rate 2e-4            from there on

The second line needs no Blender but an installed project (`python install.py`). Each scene is seen as the pack sees a
photo: the square around the product with its outline, its brightness and the shade that is drawn for it; what is
learned is how the rendered shade differs from the drawn one. The squares are kept in FOLDER/squares and made once:
delete them when the drawing changed. Every eleventh scene is held out; the difference there, in levels of 255 over the
shaded ground, is printed before and after. The clock ends the training, so that no two weights are alike to the last
digit.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO / "custom_nodes"))

from prodgen_nodes.imaging.colorspace import linear_to_srgb  # noqa: E402 - not installed
from prodgen_nodes.imaging.shadow.ground import drawn_room_shade  # noqa: E402
from prodgen_nodes.imaging.shadow.learned import CELLS, FOOT, Network, Seen, missed_shade  # noqa: E402
from prodgen_nodes.imaging.shadow.light import Light  # noqa: E402

HELD_OUT = (11, 3)
"""Scenes whose number leaves this remainder (second) are held out. There are twenty kinds of things, and nineteen, of
which eleven is no divisor: every kind is among them."""
ENLARGED = 3
"""A scene is so much smaller than a photo: the drawn shade is that of a picture of 528 pixels."""
DARKEST = Light().darkest
"""What the usual light's shadow loses where it is darkest: 1 of the shade that is drawn and learned."""
BATCH = 6
"""Scenes a step."""
RATE, LAST_RATE, WARM_STEPS = 1.5e-3, 1e-5, 50
"""The learning rate: reached after so many steps, and down along a cosine to the last one."""
DECAY = 1e-2
"""Weight decay: a net of a million weights learns a few hundred scenes by heart."""
AVERAGED = 0.998
"""What of the averaged weights each step leaves, so that they are those of the last five hundred steps."""
SHIFT, ZOOM = 2.4, 0.06
"""Cells that a square is moved by at most, and the spread (of its logarithm) of its enlargement: a real outline does
not end at the very cell where a rendered one does."""
GAIN = 0.25
"""Spread (of its logarithm) of how much brighter or darker a thing is shown: no two photos are exposed alike."""
FLATTENED = 0.15
"""Share of the things that are shown in one brightness all over, so that no pattern is taken for depth."""
FAINT, UNSHADED = 0.98, 0.985
"""Shown ground brighter than this counts as free of shade: for how large a shade is, and for where it is learned."""
LESS = 0.2
"""Weight of ground without shade, and of what the product covers anyway."""
LEAST_SHADED = 300.0
"""Cells of shade that a scene's error is spread over at least: else the faintest shades would count most."""
SMOOTH = 1.0
"""Weight of the error's steps from cell to cell: a shade may be a little too dark, but has no edges of its own."""
ROUNDED = 0.012
"""An error below this, of the shown 0..1, counts by its square: three levels more or less are seldom the drawing's."""
NORM = 1.0
"""A step's gradient is shortened to this, at most."""
REPORT = 90.0
"""Seconds from one look at what is held out to the next."""
CLOSE = 6.0
"""Levels within which a drawn shade looks like the rendered one: the aim of `benchmarks/shadow_truth.py`."""

OUTLINE, BRIGHTNESS, DRAWN, RENDERED = (slice(number, number + 1) for number in range(4))


@torch.no_grad()
def square_of(scene: Path) -> Tensor | None:
    """Outline, brightness, drawn and rendered shade `[4,S,S]` of a scene, as the pack sees them; None for what stands
    on nothing or is a ball, which is shaded otherwise."""
    with np.load(scene) as arrays:
        alpha, shade, photo = (
            torch.from_numpy(arrays[name].astype(np.float32)) for name in ("alpha", "shade", "photo")
        )
    planes = torch.cat((alpha[None], shade[None], photo.movedim(-1, 0)))
    planes = F.interpolate(planes[None], scale_factor=ENLARGED, mode="bilinear")[0].clamp(0, 1)
    alpha, image = planes[0], linear_to_srgb(planes[2:].movedim(0, -1))
    found = drawn_room_shade(image, alpha)
    if found is None:
        return None
    seen = Seen.of(image, alpha, found[1].box)
    drawn, rendered = seen.square.averaged(torch.stack((found[0], planes[1])))
    return torch.stack((seen.outline, seen.brightness, drawn, (rendered / DARKEST).clamp(0, 1)))


def squares_of(folder: Path) -> Iterator[tuple[int, Tensor]]:
    """Number and square of each scene in `folder` that has one; those that are new are kept for the next time."""
    kept = folder / "squares"
    kept.mkdir(exist_ok=True)
    for scene in sorted(folder.glob("*.npz")):
        file = kept / f"{scene.stem}.npy"
        if not file.exists():
            square = square_of(scene)
            partial_file = file.with_suffix(".part")
            with partial_file.open("wb") as stream:
                np.save(stream, np.empty(0, np.float16) if square is None else square.half().numpy())
            partial_file.replace(file)
        values = np.load(file)
        if values.size:
            yield int(scene.stem), torch.from_numpy(values)


@dataclass(frozen=True)
class Scenes:
    """The squares `[N,4,S,S]` to learn from, in half precision, and those held out."""

    learned: Tensor
    held_out: Tensor

    @classmethod
    def of(cls, folder: Path) -> Scenes:
        squares = dict(squares_of(folder))
        every, which = HELD_OUT
        held_out = [square for number, square in squares.items() if number % every == which]
        learned = [square for number, square in squares.items() if number % every != which]
        if not learned or not held_out:
            raise SystemExit(
                f"{folder}: too few scenes to learn from and to hold out; render more of them (--assorted)"
            )
        return cls(torch.stack(learned), torch.stack(held_out).float())

    def batch(self, random: torch.Generator) -> Tensor:
        """Some of those to learn from `[BATCH,4,S,S]`, each as it might have been photographed as well."""
        chosen = torch.randint(len(self.learned), (BATCH,), generator=random)
        batch = self.learned[chosen].float()
        mirrored = torch.rand(BATCH, generator=random) < 0.5
        batch[mirrored] = batch[mirrored].flip(-1)
        batch = F.grid_sample(batch, _elsewhere(random), align_corners=False, padding_mode="border")
        gain = torch.exp(GAIN * torch.randn(BATCH, 1, 1, 1, generator=random))
        bright = (batch[:, BRIGHTNESS] * gain).clamp(0, 1)
        flat = torch.rand(BATCH, 1, 1, 1, generator=random) < FLATTENED
        outline = batch[:, OUTLINE]
        mean = bright.sum((2, 3), keepdim=True) / outline.sum((2, 3), keepdim=True)
        batch[:, BRIGHTNESS] = torch.where(flat, mean * outline, bright)
        return batch


def _elsewhere(random: torch.Generator) -> Tensor:
    """Where each of BATCH squares is seen from `[BATCH,S,S,2]`: enlarged a little around its foot, and moved."""
    zoom = torch.exp(ZOOM * torch.randn(BATCH, generator=random))
    place = torch.zeros(BATCH, 2, 3)
    place[:, 0, 0] = place[:, 1, 1] = zoom
    place[:, :, 2] = (torch.rand(BATCH, 2, generator=random) - 0.5) * (4 * SHIFT / CELLS)
    place[:, 1, 2] += (1 - zoom) * (2 * FOOT / CELLS - 1)
    return F.affine_grid(place, [BATCH, 1, CELLS, CELLS], align_corners=False)


def shown(shade: Tensor) -> Tensor:
    """A white ground under the `shade` as it is shown, 0..1."""
    return (1 - DARKEST * shade).clamp(min=0.004) ** (1 / 2.2)


def error_of(shade: Tensor, batch: Tensor) -> Tensor:
    """What is to become small: how far the shown `shade` `[N,1,S,S]` is off, and how unevenly."""
    ours, truth, beside = shown(shade), shown(batch[:, RENDERED]), batch[:, OUTLINE] < 0.5
    shaded = (truth < UNSHADED) | (ours.detach() < UNSHADED)
    weight = torch.where(shaded, 1.0, LESS) * torch.where(beside, 1.0, LESS)
    off = ours - truth
    size = (beside & (truth < FAINT)).float().sum((1, 2, 3)).clamp(min=LEAST_SHADED)
    rounded = F.smooth_l1_loss(ours, truth, reduction="none", beta=ROUNDED)
    each = (rounded * weight).sum((1, 2, 3)) / size
    steps = [(off.diff(dim=dim).abs() * weight.narrow(dim, 1, weight.shape[dim] - 1)).sum() for dim in (2, 3)]
    return each.mean() + SMOOTH * (steps[0] + steps[1]) / weight.sum()


def corrected(network: nn.Module, batch: Tensor) -> Tensor:
    """What the network makes of the drawn shade `[N,1,S,S]`, as the pack has it."""
    missed = missed_shade(network, batch[:, :3], mirrored=True)
    return (batch[:, DRAWN] + missed).clamp(0, 1)


def levels_off(shade: Tensor, batch: Tensor) -> Tensor:
    """Mean difference of each scene `[N]` in levels of 255, over the ground that the rendered shade darkens."""
    ours, truth = 255 * shown(shade), 255 * shown(batch[:, RENDERED])
    shaded = (batch[:, OUTLINE] < 0.5) & (truth < 250)
    return ((ours - truth).abs() * shaded).sum((1, 2, 3)) / shaded.sum((1, 2, 3)).clamp(min=1)


def told(off: Tensor) -> str:
    within = int((off <= CLOSE).sum())
    return f"mean {off.mean():.2f} levels, median {off.median():.2f}, within {CLOSE:g}: {within} of {len(off)}"


@torch.no_grad()
def held_out_off(network: nn.Module, scenes: Scenes) -> Tensor:
    """How far off the corrected shade of the held-out scenes is `[N]`."""
    batches = scenes.held_out.split(BATCH)
    return torch.cat([levels_off(corrected(network, batch), batch) for batch in batches])


def train(network: nn.Module, scenes: Scenes, seconds: float, rate: float, fast: bool) -> nn.Module:
    """The averaged network after so many seconds of training from what it is now; it is changed."""
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED))
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=DECAY)
    random = torch.Generator().manual_seed(5)
    start = reported = time.monotonic()
    step = 0
    while (passed := time.monotonic() - start) < seconds:
        falling = 0.5 + 0.5 * math.cos(math.pi * passed / seconds)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / WARM_STEPS) * falling + LAST_RATE
        batch = scenes.batch(random)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            missed = missed_shade(network, batch[:, :3])
        # Not kept in 0..1: what is taken from where nothing is drawn would be learned from no more.
        error = error_of(batch[:, DRAWN] + missed, batch)
        optimizer.zero_grad()
        error.backward()
        nn.utils.clip_grad_norm_(network.parameters(), NORM)
        optimizer.step()
        averaged.update_parameters(network)
        step += 1
        if time.monotonic() - reported > REPORT:
            reported = time.monotonic()
            off = told(held_out_off(averaged.module, scenes))
            print(f"{passed:.0f} s, {step} steps: error {error.item():.4f}; held out: {off}", flush=True)
    print(f"{step} steps")
    return averaged.module


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what render.py --assorted made")
    parser.add_argument("--seconds", type=float, default=2400, help="how long to train")
    parser.add_argument("--out", type=Path, default=Path("learned_shade.safetensors"), help="the weights' file")
    parser.add_argument("--start", type=Path, help="weights to go on from, instead of random values")
    parser.add_argument("--rate", type=float, default=RATE, help="the first learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bfloat16", action="store_true", help="reckon in half precision, on a processor made for it")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scenes = Scenes.of(options.folder)
    print(f"{len(scenes.learned)} scenes to learn from, {len(scenes.held_out)} held out")
    print(f"held out, as drawn: {told(levels_off(scenes.held_out[:, DRAWN], scenes.held_out))}", flush=True)
    network: nn.Module = Network()
    if options.start:
        network.load_state_dict({name: values.float() for name, values in load_file(options.start).items()})
        print(f"held out, at the start: {told(held_out_off(network, scenes))}", flush=True)
    network = train(network, scenes, options.seconds, options.rate, options.bfloat16)
    print(f"held out, corrected: {told(held_out_off(network, scenes))}")
    save_file({name: values.half().contiguous() for name, values in network.state_dict().items()}, options.out)


if __name__ == "__main__":
    main()
