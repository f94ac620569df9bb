"""Photograph example products in a virtual studio (Blender's Cycles), with exact coverage of product and handle.

    pip install bpy pillow          (bpy is Blender as a module; it needs the Python version its page names)
    python render.py --picture handbag         one of the pictures of this folder, as it was made
    python render.py tote --seed 3 --size 1600 --samples 96 --jpeg tote.jpg
    python render.py --picture berry_bag --scene terrace --drift 0.6    the same product, at the same pixels, elsewhere
    python render.py --set OUT      photo.png, alpha.png, handle.png and facts.json for a varied set of products

Everything follows from product, seed, size and samples: no textures, fonts or models from elsewhere.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import bpy
import numpy as np
from PIL import Image
from studio import stage
from studio.bags import Colors, Product, briefcase, duffel, handbag, shoulder_bag, tote
from studio.drift import discolour
from studio.stage import Setting, Surroundings
from studio.terrace import LIGHT_COLOR, terrace
from studio.vessels import bottle, jar, perfume, shoe

BUILDERS: dict[str, Callable[[random.Random, Colors], Product]] = {
    "handbag": handbag, "tote": tote, "briefcase": briefcase, "shoulder_bag": shoulder_bag, "duffel": duffel,
    "jar": jar, "bottle": bottle, "perfume": perfume, "shoe": shoe,
}  # fmt: skip
PALETTE = (
    ("#7a2e22", "#4d1c16", "#d9b25f", "#d8b48a"),
    ("#1f5d57", "#173f3c", "#d4af62", "#9fc4ba"),
    ("#b9803f", "#5b3a22", "#cfcfd2", "#f0e2c8"),
    ("#24375e", "#1a2542", "#d6d6da", "#8fa3cf"),
    ("#b5566b", "#8c3a4f", "#e3c48a", "#f0cdd4"),
    ("#5d6b3a", "#3c3a22", "#b99a5b", "#c9cfa6"),
    ("#c9a58a", "#8a5f45", "#d8b870", "#f4e6d8"),
)
BACKDROPS = ("#e9e7e3", "#dfe3e6", "#f1efec", "#d8d2c8", "#c9d3d6", "#e6dcd2")

SETS: dict[str, tuple[str, int, str | None, Setting]] = {
    "handbag_1": ("handbag", 1, None, Setting()),
    "tote_2": ("tote", 2, None, Setting(backdrop="#e6e0d6", turn=14, fill=0.7)),
    "briefcase_3": (
        "briefcase", 3, "#4a2c1c,#2d1a12,#d2b46c,#b08a5a", Setting(backdrop="#d9dcde", wall="#c6cacd", turn=-22)
    ),
    "shoulder_bag_4": ("shoulder_bag", 4, None, Setting(backdrop="#efece8", fill=0.74, turn=10)),
    "jar_5": ("jar", 5, "#3b1c8f,#c8c8cc,#d0d0d4,#ffffff", Setting(backdrop="#e4e6ea", height=12, fill=0.5)),
    "black_on_grey_8": (
        "handbag", 8, "#0b0b0c,#08080a,#b8b8bc,#2a2a2c", Setting(backdrop="#3a3b3d", vignette=0.3, ambient=0.12)
    ),
    "white_lid_on_white_9": (
        "jar", 9, "#d98aa0,#f6f6f4,#d0d0d4,#ffffff",
        Setting(backdrop="#f7f7f6", ambient=0.45, vignette=0.08, height=11, fill=0.52),
    ),
    "shoe_7": ("shoe", 7, "#b23a2c,#ece8df,#d0d0d4,#ffffff", Setting(backdrop="#dfe3e6", turn=16, height=12)),
    "bottle_6": (
        "bottle", 6, "#2f6f62,#20332f,#d9b25f,#ffffff", Setting(backdrop="#e9e2d8", wall="#efe9e0", turn=0, fill=0.66)
    ),
    "perfume_10": ("perfume", 10, "#e8b98a,#17171a,#d9b25f,#ffffff", Setting(backdrop="#e9e4de", turn=24, height=10)),
    "duffel_11": ("duffel", 11, "#24375e,#5b3a22,#cfcfd2,#8fa3cf", Setting(backdrop="#d8d2c8", turn=-20, height=13)),
    "tote_12": (
        "tote", 21, "#20201f,#7b4a2a,#cfcfd2,#8a8a86", Setting(backdrop="#dcdfe1", wall="#d3d6d9", turn=-12, fill=0.72)
    ),
}  # fmt: skip


LOOK = Setting(
    backdrop="#dcd8d1", key=1.35, fill_light=0.22, ambient=0.08, exposure=0.8, rim=0.9, noise=0.0012, vignette=0.12
)
PICTURES: dict[str, tuple[str, int, str, Setting, tuple[int, int], int]] = {
    "handbag": (
        "handbag", 5, "#7d3f26,#4f2716,#d2a850,#d9b184", replace(LOOK, turn=-16, fill=0.845), (1640, 2050), 24
    ),
    "jar": ("jar", 8, "#2c5a4f,#efece6,#d2a850,#ffffff", replace(LOOK, height=12, fill=0.6), (1400, 1400), 24),
    "shoulder_bag": (
        "shoulder_bag", 6, "#31456b,#1d2b48,#cfcfd4,#a9bbdd",
        replace(LOOK, turn=12, fill=0.78, backdrop="#d5d9dc"), (1400, 1750), 24,
    ),
    "berry_bag": (
        "handbag", 5, "#8e1f45,#5a1430,#d2a850,#e3b6a8",
        replace(LOOK, turn=-16, height=6, fill=0.7, lift=-0.07, blur=0.035, rim=0.12, fill_light=0.5, ambient=0.13),
        (896, 1120), 32,
    ),
}  # fmt: skip
"""The pictures of this folder: product, seed, colours, light, pixels, samples."""

SCENES: dict[str, tuple[Surroundings, str]] = {"studio": (stage.studio, "#ffffff"), "terrace": (terrace, LIGHT_COLOR)}
"""Where a product may stand, and the colour that its own drifts to there."""


def colors_for(seed: int, wanted: str | None = None) -> Colors:
    return Colors(*(wanted.split(",") if wanted else random.Random(seed * 7 + 1).choice(PALETTE)))


def save_png(path: Path, picture: np.ndarray) -> None:
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path)


def render_set(out: Path, names: list[str], size: int, samples: int) -> None:
    for name in names:
        kind, seed, wanted, setting = SETS[name]
        folder = out / name
        if (folder / "facts.json").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        colors = colors_for(seed, wanted)
        stage.reset()
        product = BUILDERS[kind](random.Random(seed), colors)
        photo, alpha, handle = stage.photograph(product, setting, (size, size), samples, seed, coverage=True)
        assert alpha is not None
        assert handle is not None
        save_png(folder / "photo.png", photo)
        save_png(folder / "alpha.png", alpha)
        save_png(folder / "handle.png", handle)
        facts = {
            "kind": kind,
            "seed": seed,
            **asdict(colors),
            "setting": asdict(setting),
            "renderer": f"Cycles {bpy.app.version_string}",
        }
        (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        print(f"{name}: done", flush=True)


def save_jpeg(path: Path, picture: np.ndarray) -> None:
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path, quality=93, subsampling=0, optimize=True)


def photograph(
    kind: str, seed: int, colors: Colors, setting: Setting, size: tuple[int, int], samples: int,
    scene: str, drift: float,
) -> np.ndarray:  # fmt: skip
    """A product's photo, or the product at the same pixels in another scene, its colours `drift` (0..1) lost there."""
    stage.reset()
    product = BUILDERS[kind](random.Random(seed), colors)
    surroundings, light = SCENES[scene]
    if drift:
        discolour(product, light, drift)
    return stage.photograph(product, setting, size, samples, seed, coverage=False, surroundings=surroundings)[0]


def render_picture(name: str, scene: str, drift: float, out: Path) -> None:
    """One of the pictures of this folder, as it was made."""
    kind, seed, colors, setting, size, samples = PICTURES[name]
    photo = photograph(kind, seed, colors_for(seed, colors), setting, size, samples, scene, drift)
    out.mkdir(parents=True, exist_ok=True)
    save_jpeg(out / (f"{name}.jpg" if scene == "studio" else f"{name}_{scene}.jpg"), photo)


def render_one(arguments: argparse.Namespace) -> None:
    setting = replace(Setting(), **json.loads(arguments.setting))
    colors = colors_for(arguments.seed, arguments.colors)
    width, _, height = arguments.size.partition("x")
    size = (int(width), int(height or width))
    photo = photograph(
        arguments.product, arguments.seed, colors, setting, size, arguments.samples, arguments.scene, arguments.drift
    )
    if arguments.jpeg:
        save_jpeg(Path(arguments.jpeg), photo)
    if arguments.png:
        save_png(Path(arguments.png), photo)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("product", nargs="?", choices=sorted(BUILDERS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--colors", help="body,trim,metal,thread as #rrggbb")
    parser.add_argument("--setting", default="{}", help="JSON of studio.stage.Setting fields")
    parser.add_argument("--size", default="768", help="WIDTH or WIDTHxHEIGHT in pixels")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--scene", choices=sorted(SCENES), default="studio", help="where the product stands")
    parser.add_argument(
        "--drift", type=float, default=0.0, metavar="0..1",
        help="how much of the product's hue, saturation and fine relief is lost to the scene, as relighting models do",
    )  # fmt: skip
    parser.add_argument("--jpeg")
    parser.add_argument("--png")
    parser.add_argument("--picture", choices=sorted(PICTURES), help="render a picture of this folder again")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for --picture")
    parser.add_argument("--set", metavar="OUT", help="render the varied set into OUT")
    parser.add_argument("--only", nargs="*", help="names of the set")
    arguments = parser.parse_args()
    if arguments.set:
        render_set(Path(arguments.set), arguments.only or list(SETS), int(arguments.size), arguments.samples)
    elif arguments.picture:
        render_picture(arguments.picture, arguments.scene, arguments.drift, arguments.out)
    elif arguments.product:
        render_one(arguments)
    else:
        parser.error("name a product, --picture NAME or --set OUT")


if __name__ == "__main__":
    main()
