"""What Product Fidelity lets pass and what it wrongly fails: good and damaged pictures made by a script.

Every product is finished in several scenes; each good picture is disturbed (JPEG 4:2:0 of quality 75 to 95, gain, gamma
and cast, shifts to a pixel), each damage of `tests/imaging/fidelity_scenes.py` is done to it and disturbed as well.
`tuned` are the products that limits were chosen on, `held_out` are others. `--products` adds folders that hold
`NAME/photo.png` and `NAME/alpha.png`; every second one of those is held out.

    .venv/bin/python -m benchmarks.fidelity_damage --half held_out --products ../renders
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.fidelity.judge import Settings, judge  # noqa: E402 - the repository is not installed

from tests.imaging import fidelity_scenes as scenes  # noqa: E402
from tests.imaging.registration_scenes import Photo  # noqa: E402

GOOD = "good"
ATTEMPTS = 6


@dataclass(frozen=True)
class Case:
    """One picture with what was done to it (`good` or a damage), from which product."""

    name: str
    kind: str
    done: scenes.Finished


def drawn(half: str, seeds: int) -> Iterator[tuple[str, Photo]]:
    for index, kind in enumerate(scenes.TUNED if half == "tuned" else scenes.HELD_OUT):
        for turn in range(seeds):
            seed = index + 7 * turn + (100 if half == "held_out" else 0)
            yield f"{kind} {seed}", scenes.product(kind, seed)


def photographed(folder: Path, half: str) -> Iterator[tuple[str, Photo]]:
    """Every second product of a folder."""
    names = sorted(path.parent.name for path in folder.glob("*/photo.png") if (path.parent / "alpha.png").is_file())
    for name in names[half == "held_out" :: 2]:
        rgb, alpha = (np.asarray(Image.open(folder / name / f"{part}.png").convert(mode), dtype=np.float64) / 255
                      for part, mode in (("photo", "RGB"), ("alpha", "L")))  # fmt: skip
        if (alpha > 0.99).sum() > 2000:
            yield name, Photo(rgb, alpha)


def cases(half: str, seeds: int, folders: list[Path], goods: int, side: int) -> Iterator[Case]:
    """Good and damaged pictures of this half's products, relit and not in turn."""
    products = [*drawn(half, seeds)] + [entry for folder in folders for entry in photographed(folder, half)]
    for number, (name, photo) in enumerate(products):
        base = zlib.crc32(name.encode()) % 100_000
        done = scenes.finish(photo, base, side, relit=bool(number % 2))
        for turn in range(goods):
            yield Case(name, GOOD, scenes.disturb(done, base + turn))
        for kind, spoil in scenes.DAMAGES.items():
            for attempt in range(ATTEMPTS):
                spoilt = spoil(done, np.random.default_rng(base + 31 * attempt))
                if spoilt is not None:
                    yield Case(name, kind, scenes.disturb(spoilt, base + attempt))
                    break


def verdict(done: scenes.Finished) -> dict[str, object]:
    """The report of Product Fidelity on one picture."""
    rgb, alpha = done.photo.tensors
    settings = Settings(compare="relit" if done.relit else "exact", check_floating=False)
    picture = torch.from_numpy(done.picture.astype(np.float32))[None]
    return judge(picture, rgb, alpha, done.placement, settings)[0].report


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--half", choices=("tuned", "held_out"), default="held_out")
    parser.add_argument("--seeds", type=int, default=3, help="drawn products of each kind")
    parser.add_argument("--goods", type=int, default=6, help="good pictures of each product")
    parser.add_argument("--side", type=int, default=1000, help="canvas in pixels")
    parser.add_argument("--products", type=Path, nargs="*", default=[], help="folders of NAME/photo.png and alpha.png")
    parser.add_argument("--json", type=Path, help="also write every verdict to this file")
    options = parser.parse_args()
    counts: dict[str, list[int]] = {}
    lines = []
    for case in cases(options.half, options.seeds, options.products, options.goods, options.side):
        report = verdict(case.done)
        wrong = report["passed"] is not (case.kind == GOOD)
        total = counts.setdefault(case.kind, [0, 0])
        total[0], total[1] = total[0] + wrong, total[1] + 1
        lines.append({"name": case.name, "kind": case.kind, "wrong": wrong, "report": report, "spot": case.done.spot})
        if wrong:
            print(
                f"wrong: {case.name}, {case.kind}{' relit' if case.done.relit else ''}: {report['reasons']}", flush=True
            )
    for kind, (wrong, total) in counts.items():
        print(f"{kind:16} {wrong:4} wrong of {total:4}  {wrong / total:6.1%}")
    missed = [sum(values) for values in zip(*(v for k, v in counts.items() if k != GOOD), strict=True)]
    print(f"{'all damages':16} {missed[0]:4} wrong of {missed[1]:4}  {missed[0] / missed[1]:6.1%}")
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1))


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
