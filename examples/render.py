"""Photograph example products in a virtual studio (Blender's Cycles), with exact coverage of product and handle.

    pip install bpy pillow          (bpy is Blender as a module; it needs the Python version its page names)
    python render.py --picture handbag         one of the pictures of this folder, as it was made
    python render.py tote --seed 3 --size 1600 --samples 96 --jpeg tote.jpg
    python render.py --picture berry_bag --scene terrace --drift 0.6    the same product, at the same pixels, elsewhere
    python render.py --set OUT      photo.png, alpha.png, handle.png and facts.json for a varied set of products
    python render.py --hard OUT     the same for what is hard to cut out
    python render.py --sightings OUT    photos of products seen again: turned, in other light, elsewhere
    python render.py --shade OUT    photo.png, alpha.png and shade.png (the light that the white ground loses)
    python render.py --assorted OUT --count 1590    alpha, photo and shade of made-up things, a SEED.npz each, for
                                                    train_shade.py
    python render.py handbag --range OUT    the same bag (or shoe, jar, suitcase) in the colours of its range, and
                                            part.png (coverage of what has those colours)

Everything follows from product, seed, size and samples: no textures, fonts or models from elsewhere.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import bpy
import numpy as np
from PIL import Image
from studio import stage
from studio.assorted import assorted
from studio.bags import briefcase, duffel, handbag, shoulder_bag, tote
from studio.catalogue import HARD, ON_WHITE, PICTURES, RANGED, RANGES, SIGHTINGS, VARIED, Shot
from studio.drift import discolour
from studio.footwear import shoe
from studio.furniture import chair, sofa
from studio.household import carton, lamp, stacker, suitcase
from studio.pairs import pair
from studio.product import Colors, Product
from studio.shade import PACKSHOT, Lamp, Samples, expose_shade
from studio.stage import Setting, Surroundings
from studio.table import DAYLIGHT, table
from studio.terrace import LIGHT_COLOR, terrace
from studio.toys import toy_car
from studio.vessels import bottle, flask, jar, mug, perfume
from studio.worn import earrings, necklace, sunglasses

BUILDERS: dict[str, Callable[[random.Random, Colors], Product]] = {
    "handbag": handbag, "tote": tote, "briefcase": briefcase, "shoulder_bag": shoulder_bag, "duffel": duffel,
    "fine_strap": partial(shoulder_bag, strap=0.017),
    "jar": jar, "bottle": bottle, "perfume": perfume, "flask": flask, "mug": mug, "shoe": shoe,
    "shoes": pair(shoe, (0.75, 1.25), 24), "bottles": pair(bottle, (1.75, 0.7), 12),
    "chair": chair, "sofa": sofa, "toy_car": toy_car,
    "carton": carton, "lamp": lamp, "suitcase": suitcase, "stacker": stacker,
    "sunglasses": sunglasses, "earrings": earrings, "necklace": necklace,
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
SCENES: dict[str, tuple[Surroundings, str]] = {
    "studio": (stage.studio, "#ffffff"),
    "terrace": (terrace, LIGHT_COLOR),
    "table": (table, DAYLIGHT),
}
"""Where a product may stand, and the colour that its own drifts to there."""
ASSORTED_SIZE = (176, 176)
"""Pixels of a made-up thing's picture, whose longer side is then about what the network sees of it (104 cells)."""
ASSORTED_SAMPLES = Samples(coverage=24, photo=6, shaded=16, clear=2)
"""Few, as there are many pictures, and the denoiser smooths them: the shade is learned, of the photo the brightness."""
ASSORTED_COUNT = 1590
"""About as many as the network in the pack was trained on; it still learns from more."""


def colors_for(seed: int, wanted: str | None = None) -> Colors:
    return Colors(*(wanted.split(",") if wanted else random.Random(seed * 7 + 1).choice(PALETTE)))


def save_png(path: Path, picture: np.ndarray) -> None:
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path)


def save_jpeg(path: Path, picture: np.ndarray, quality: int = 93) -> None:
    Image.fromarray(np.rint(picture * 255).astype(np.uint8)).save(path, quality=quality, subsampling=0, optimize=True)


def expose(
    shot: Shot, scene: str, *, drift: float = 0.0, coverage: bool = False
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """A product's photo, alpha and handle; in another scene it stands at the same pixels, its colours `drift` (0..1)
    lost there."""
    stage.reset()
    product = BUILDERS[shot.product](random.Random(shot.seed), colors_for(shot.seed, shot.colors))
    surroundings, light = SCENES[scene]
    if drift:
        discolour(product, light, drift)
    return stage.photograph(
        product, shot.setting, shot.size, shot.samples, shot.seed, coverage=coverage, surroundings=surroundings
    )


def render_set(shots: dict[str, Shot], out: Path, names: list[str], longest: int, samples: int) -> None:
    for name in names:
        shot, folder = shots[name], out / name
        if (folder / "facts.json").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        shot = replace(shot, size=shot.scaled(longest), samples=samples)
        photo, alpha, handle = expose(shot, shot.scene, coverage=True)
        assert alpha is not None
        assert handle is not None
        save_png(folder / "photo.png", photo)
        save_png(folder / "alpha.png", alpha)
        save_png(folder / "handle.png", handle)
        facts = {
            "kind": shot.product,
            "seed": shot.seed,
            **asdict(colors_for(shot.seed, shot.colors)),
            "scene": shot.scene,
            "setting": asdict(shot.setting),
            "renderer": f"Cycles {bpy.app.version_string}",
        }
        (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        print(f"{name}: done", flush=True)


def render_sightings(out: Path, names: list[str], longest: int, samples: int) -> None:
    for name in names:
        file = out / f"{name}.png"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            shot = SIGHTINGS[name]
            photo, _, _ = expose(replace(shot, size=shot.scaled(longest), samples=samples), shot.scene)
            save_png(file, photo)
            print(f"{name}: done", flush=True)


def render_shades(out: Path, names: list[str], longest: int, samples: int, lamp: Lamp) -> None:
    for name in names:
        shot, folder = ON_WHITE[name], out / name
        if (folder / "facts.json").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        stage.reset()
        product = BUILDERS[shot.product](random.Random(shot.seed), colors_for(shot.seed, shot.colors))
        done = expose_shade(product, shot.setting, shot.scaled(longest), Samples.of(samples), lamp)
        save_png(folder / "photo.png", np.clip(stage.encode(done.photo), 0, 1))
        save_png(folder / "alpha.png", done.alpha)
        Image.fromarray(np.rint(done.shade * 65535).astype(np.uint16)).save(folder / "shade.png")
        facts = {"kind": shot.product, "seed": shot.seed, "camera": shot.setting.height, "lamp": asdict(lamp)}
        (folder / "facts.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        print(f"{name}: done", flush=True)


def render_assorted(out: Path, seeds: Iterable[int]) -> None:
    """SEED.npz with `alpha`, `photo` (linear light) and `shade` in half precision, and the thing's `kind`."""
    out.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        file = out / f"{seed:05d}.npz"
        if file.exists():
            continue
        stage.reset()
        kind, product, setting = assorted(seed)
        done = expose_shade(product, setting, ASSORTED_SIZE, ASSORTED_SAMPLES)
        arrays = {name: getattr(done, name).astype(np.float16) for name in ("alpha", "photo", "shade")}
        partial_file = file.with_suffix(".part")
        with partial_file.open("wb") as stream:
            np.savez(stream, kind=np.array(kind), **arrays)
        partial_file.replace(file)
        print(f"{file.name}: done", flush=True)


def _plain(name: str) -> str:
    """What a part was called before Blender numbered it (`upper.001`)."""
    return name.partition(".")[0]


def render_range(product_name: str, out: Path, names: list[str], longest: int, samples: int) -> None:
    for name in names:
        shot, folder = RANGES[product_name][name], out / name
        if (folder / "facts.json").exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        stage.reset()
        colors = colors_for(shot.seed, shot.colors)
        product = BUILDERS[shot.product](random.Random(shot.seed), colors)
        # What is covered exactly beside the whole product is here what has the range's colour, not the handle.
        product.handle = [part for part in product.parts if _plain(part.name) in RANGED[product_name]]
        photo, alpha, part = stage.photograph(
            product, shot.setting, shot.scaled(longest), samples, shot.seed, coverage=True
        )
        assert alpha is not None
        assert part is not None
        save_png(folder / "photo.png", photo)
        save_png(folder / "alpha.png", alpha)
        save_png(folder / "part.png", part)
        (folder / "facts.json").write_text(json.dumps({"kind": shot.product, **asdict(colors)}, indent=1), "utf-8")
        print(f"{name}: done", flush=True)


def render_picture(name: str, scene: str, drift: float, out: Path) -> None:
    """One of the pictures of this folder, as it was made."""
    shot = PICTURES[name]
    photo, _, _ = expose(shot, scene, drift=drift)
    out.mkdir(parents=True, exist_ok=True)
    save_jpeg(out / (f"{name}.jpg" if scene == "studio" else f"{name}_{scene}.jpg"), photo, shot.quality)


def render_one(arguments: argparse.Namespace) -> None:
    width, _, height = arguments.size.partition("x")
    shot = Shot(
        arguments.product,
        arguments.seed,
        arguments.colors,
        replace(Setting(), **json.loads(arguments.setting)),
        (int(width), int(height or width)),
        arguments.samples,
    )
    photo, _, _ = expose(shot, arguments.scene, drift=arguments.drift)
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
    parser.add_argument("--hard", metavar="OUT", help="render what is hard to cut out into OUT")
    parser.add_argument("--sightings", metavar="OUT", help="render products as they are seen again into OUT")
    parser.add_argument("--shade", metavar="OUT", help="render products on white and the light their ground loses")
    parser.add_argument(
        "--range", metavar="OUT", help="render the product (a handbag by default) in the colours of its range into OUT"
    )
    parser.add_argument("--assorted", metavar="OUT", help="render made-up things and the light their ground loses")
    parser.add_argument("--count", type=int, default=ASSORTED_COUNT, help="how many of them")
    parser.add_argument("--lamp", default="{}", help="JSON of studio.shade.Lamp fields, for --shade")
    parser.add_argument("--only", nargs="*", help="names of the set, or numbers of made-up things")
    arguments = parser.parse_args()
    if arguments.set or arguments.hard:
        shots, out = (VARIED, arguments.set) if arguments.set else (HARD, arguments.hard)
        render_set(shots, Path(out), arguments.only or list(shots), int(arguments.size), arguments.samples)
    elif arguments.sightings:
        names = arguments.only or list(SIGHTINGS)
        render_sightings(Path(arguments.sightings), names, int(arguments.size), arguments.samples)
    elif arguments.shade:
        lamp = replace(PACKSHOT, **json.loads(arguments.lamp))
        names = arguments.only or list(ON_WHITE)
        render_shades(Path(arguments.shade), names, int(arguments.size), arguments.samples, lamp)
    elif arguments.assorted:
        render_assorted(Path(arguments.assorted), map(int, arguments.only or range(arguments.count)))
    elif arguments.range:
        wanted = arguments.product or "handbag"
        if wanted not in RANGES:
            parser.error(f"there is no range of {wanted}; there is one of {', '.join(RANGES)}")
        names = arguments.only or list(RANGES[wanted])
        render_range(wanted, Path(arguments.range), names, int(arguments.size), arguments.samples)
    elif arguments.picture:
        render_picture(arguments.picture, arguments.scene, arguments.drift, arguments.out)
    elif arguments.product:
        render_one(arguments)
    else:
        parser.error("name a product, --picture NAME, --set OUT or --hard OUT")


if __name__ == "__main__":
    main()
