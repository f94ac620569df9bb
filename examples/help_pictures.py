"""Draw the pictures of the nodes' help pages: what goes in and what comes out, or the node as it stands on the canvas.

    python examples/help_pictures.py [--server http://127.0.0.1:8188] [--only ProdgenLight]

Before and after are made by the pack's own maths from the photos of this folder. What makes no picture of its own is
shown as ComfyUI's front end draws it (it needs a server with this pack, Chromium and the extra `dev`). Every help page
names its picture, and a test holds that.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from node_faces import faces
from PIL import Image, ImageDraw
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
COMFYUI = ROOT / ".comfyui" / "ComfyUI"
sys.path[:0] = [str(ROOT), str(ROOT / "custom_nodes"), str(COMFYUI)]

from comfy.cli_args import args as comfy_arguments  # noqa: E402 - ComfyUI is not installed as a package

comfy_arguments.cpu = True  # the photos are small, and not every machine has a GPU

from prodgen_nodes.background_removal import OnnxBackgroundRemoval, by_rank  # noqa: E402 - not installed
from prodgen_nodes.imaging.camera import frames_of  # noqa: E402
from prodgen_nodes.imaging.color.fix import Settings, fix_color  # noqa: E402
from prodgen_nodes.imaging.compositing import place_on_background  # noqa: E402
from prodgen_nodes.imaging.fidelity.judge import judge  # noqa: E402
from prodgen_nodes.imaging.grip import open_zone  # noqa: E402
from prodgen_nodes.imaging.handle import erase_handle  # noqa: E402
from prodgen_nodes.imaging.light import LightSource, light_map  # noqa: E402
from prodgen_nodes.imaging.objects import separate  # noqa: E402
from prodgen_nodes.imaging.pasting import paste_back  # noqa: E402
from prodgen_nodes.imaging.placement import Placement  # noqa: E402
from prodgen_nodes.imaging.posing import pose_product  # noqa: E402
from prodgen_nodes.imaging.recolor import recolor, swatch_color, target_color  # noqa: E402
from prodgen_nodes.imaging.registration import register_product  # noqa: E402
from prodgen_nodes.imaging.segmentation import Cutout, from_looks  # noqa: E402
from prodgen_nodes.imaging.shadow import Light, ground_and_shadow  # noqa: E402
from prodgen_nodes.imaging.spin import frame_of, turned  # noqa: E402
from prodgen_nodes.imaging.style.apply import StyleSettings, apply_style  # noqa: E402
from prodgen_nodes.imaging.tiles import plan_tiles, split  # noqa: E402
from prodgen_nodes.nodes.heat import heat_map  # noqa: E402

PAGES = ROOT / "custom_nodes" / "prodgen_nodes" / "web" / "docs"
PICTURES = PAGES / "pictures"
MODELS = COMFYUI / "models" / "background_removal"
HEIGHT = 260
"""Of a panel. The help panel of the front end is about 500 pixels wide: three panels are legible in it."""
GAP = 10
SIDE = 780
"""Of the canvases that are worked on: three times a panel, so that edges stay clean when they are made smaller."""
WHITE = (1.0, 1.0, 1.0)
CHECKER = (0.86, 0.72)
"""Two greys that neither a white nor a black product sinks into."""


def opened(name: str) -> Tensor:
    """A photo of this folder `[1,H,W,3]`, its longer side at SIDE."""
    photo = Image.open(ROOT / "examples" / name).convert("RGB")
    photo.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(photo, dtype=np.float32) / 255)[None]


@functools.cache
def cut(name: str) -> tuple[Tensor, Cutout]:
    """A photo and its cut-out, by the best network that is installed."""
    here = {path.name: path.stat().st_size for path in MODELS.glob("*.onnx")}
    model = OnnxBackgroundRemoval(MODELS / by_rank(here)[0])
    photo = opened(name)
    return photo, from_looks(photo[0], lambda picture: model.raw(picture)[0])


def on_checker(product: Tensor, alpha: Tensor) -> Tensor:
    """A cut-out `[H,W,3]`, `[H,W]` on a checkerboard, `[1,H,W,3]`."""
    rows, columns = (torch.arange(side) // 20 % 2 for side in alpha.shape)
    board = torch.where((rows[:, None] ^ columns[None, :]).bool(), *CHECKER)[..., None]
    return torch.lerp(board.expand_as(product), product, alpha[..., None])[None]


def placed(name: str = "handbag.jpg", side: int = SIDE) -> tuple[Tensor, Tensor, Placement, Tensor, Tensor]:
    """Canvas, mask, placement, product and its alpha, `[1,H,W,…]`."""
    _, cutout = cut(name)
    product, alpha = cutout.product[None], cutout.alpha[None]
    placement, _ = pose_product(alpha, side, side, "on_surface")
    canvas, mask = place_on_background(product, alpha, placement, WHITE)
    return canvas, mask, placement, product, alpha


def marked(picture: Tensor, mask: Tensor, color: tuple[float, float, float] = (0.93, 0.33, 0.02)) -> Tensor:
    """`picture` `[1,H,W,3]` with the pixels of `mask` `[1,H,W]` tinted."""
    return torch.lerp(picture, picture.new_tensor(color).expand_as(picture), 0.65 * mask[..., None])


def grey(mask: Tensor) -> Tensor:
    """A mask `[1,H,W]` as a picture."""
    return mask[..., None].expand(-1, -1, -1, 3)


def a_room() -> Tensor:
    """A backdrop that a model might have painted: a warm wall, a table and a window's light, `[1,SIDE,SIDE,3]`."""
    down = torch.linspace(0, 1, SIDE)[:, None, None]
    across = torch.linspace(0, 1, SIDE)[None, :, None]
    wall = torch.tensor([0.70, 0.62, 0.52]) * (1.15 - 0.5 * across)
    table = torch.tensor([0.42, 0.29, 0.20]) * (1.1 - 0.4 * across)
    return torch.where(down > 0.72, table, wall).clamp(0, 1)[None].contiguous()


def generated() -> tuple[Tensor, Tensor, Tensor, Placement, Tensor, Tensor]:
    """The bag in that room in the room's light, as a model gives it back: a little off in colour."""
    canvas, mask, placement, product, alpha = placed()
    light = torch.tensor([1.0, 0.90, 0.74]) * (1.1 - 0.45 * torch.linspace(0, 1, SIDE)[None, None, :, None])
    drifted = (canvas * light).clamp(0, 1) ** 1.06
    return torch.lerp(a_room(), drifted, mask[..., None]), canvas, mask, placement, product, alpha


# -- what goes in and what comes out -------------------------------------------------------------------------------


def segment() -> list[Tensor]:
    photo, cutout = cut("brown_bag_table.jpg")
    return [photo, on_checker(cutout.product, cutout.alpha)]


def parts() -> list[Tensor]:
    bag, jar = placed("handbag.jpg"), placed("jar.jpg")
    photo, mask = torch.cat((bag[0], jar[0]), dim=2) - 0.14, torch.cat((bag[1], jar[1]), dim=2)
    things = [on_checker(photo[0], thing.mask)[:, SIDE // 6 :] for thing in separate(mask[0]).things]
    return [photo[:, SIDE // 6 :].clamp(0, 1), *things]


def place() -> list[Tensor]:
    photo, _ = cut("handbag.jpg")
    return [photo, placed()[0]]


def erase() -> list[Tensor]:
    canvas, mask, *_ = placed()
    return [canvas, erase_handle(canvas, mask).image]


def grip() -> list[Tensor]:
    canvas, mask, *_ = placed("jar.jpg")
    return [canvas, marked(canvas, open_zone(canvas, mask).zone)]


def paste() -> list[Tensor]:
    painted, _, _, placement, product, alpha = generated()
    soft = F.avg_pool2d(painted.permute(0, 3, 1, 2), 7, 1, 3).permute(0, 2, 3, 1)
    return [soft, paste_back(soft, product, alpha, placement, 1.01, 4.0).image]


def color_fix() -> list[Tensor]:
    painted, canvas, mask, *_ = generated()
    return [canvas, painted, fix_color(painted, canvas, mask, None, Settings(in_place=True))[0]]


def fidelity() -> list[Tensor]:
    painted, canvas, mask, placement, product, alpha = generated()
    spoiled = painted.clone()
    rows, columns = torch.nonzero(mask[0] > 0.9, as_tuple=True)
    top, left = int(rows.float().quantile(0.62)), int(columns.float().quantile(0.55))
    spoiled[:, top : top + 70, left : left + 90] = spoiled[:, top - 90 : top - 20, left - 120 : left - 30]
    return [canvas, spoiled, heat_map(spoiled, judge(spoiled, product, alpha, placement)[0])]


def ground() -> list[Tensor]:
    canvas, mask, *_ = placed("shoes.jpg")
    return [canvas, ground_and_shadow(canvas, mask, Light()).image]


def light() -> list[Tensor]:
    kinds = (LightSource(), LightSource(clock=2.0, temperature=3200), LightSource(kind="neon_pair", clock=9.0))
    return [light_map(one, 500, 500) for one in kinds]


def style() -> list[Tensor]:
    painted, _, mask, *_ = generated()
    depth = torch.linspace(0, 1, SIDE)[None, :, None].expand(1, SIDE, SIDE).contiguous()
    return [
        painted,
        *(apply_style(painted, mask, depth, StyleSettings(style=look))[0] for look in ("cinematic", "phone")),
    ]


def register() -> list[Tensor]:
    painted, _, _, placement, product, alpha = generated()
    moved = torch.roll(painted, (14, 22), dims=(1, 2))
    found = register_product(moved, product, alpha, placement, min_confidence=0.0)
    before = place_on_background(product, alpha, placement, WHITE)[1]
    after = place_on_background(product, alpha, found.placement, WHITE)[1]
    return [marked(moved, _edge(before)), marked(moved, _edge(after), (0.1, 0.6, 0.2))]


def _edge(mask: Tensor) -> Tensor:
    wide, narrow = (F.max_pool2d(sign * mask[:, None], 7, 1, 3)[:, 0] * sign for sign in (1, -1))
    return 1.5 * (wide - narrow).clamp(0, 1)


def tiles() -> list[Tensor]:
    canvas = placed()[0]
    return [canvas, _wall(split(canvas, plan_tiles(SIDE, SIDE, 448, 112)))]


def joined() -> list[Tensor]:
    return tiles()[::-1]


def _wall(pieces: list[Tensor]) -> Tensor:
    rows = [F.pad(piece, (0, 0, 9, 9, 9, 9), value=0.5) for piece in pieces]
    return torch.cat((torch.cat(rows[:2], dim=2), torch.cat(rows[2:4], dim=2)), dim=1)


def recolored() -> list[Tensor]:
    canvas, mask, *_ = placed("handbag.jpg")
    done = [recolor(canvas, mask, target_color(color), None, 1, 1.0).image for color in ("#1f3d63", "#8a1c2c")]
    return [canvas, *done]


def swatch() -> list[Tensor]:
    """The leather of another bag, and this one in its colour."""
    leather = opened("berry_bag.jpg")[:, 420:520, 300:385]
    canvas, mask, *_ = placed("handbag.jpg")
    return [leather, recolor(canvas, mask, swatch_color(leather), None, 1, 1.0).image]


def camera() -> list[Tensor]:
    canvas, mask, *_ = placed("shoes.jpg")
    shown = ground_and_shadow(canvas, mask, Light()).image[0]
    frames = frames_of(shown, "push_in", 3, SIDE, SIDE, 0.6)
    return [frame[None] for frame in frames]


def spin() -> list[Tensor]:
    photo, cutout = cut("handbag.jpg")
    product, alpha = cutout.product[None], cutout.alpha[None]
    small, width = 0.8 * product, int(0.62 * product.shape[2])
    narrow = F.interpolate(torch.cat((small, alpha[..., None]), -1).permute(0, 3, 1, 2), (product.shape[1], width))
    narrow = narrow.permute(0, 2, 3, 1)
    frames = [frame_of(product, alpha, photo), frame_of(narrow[..., :3], narrow[..., 3])]
    return [photo, *turned(frames, SIDE, SIDE, 0.8, WHITE).images.chunk(2)]


def spin_frame() -> list[Tensor]:
    return spin()[:1] + spin()[2:]


def check() -> list[Tensor]:
    return fidelity()[1:]


def regions() -> list[Tensor]:
    painted, _, mask, *_ = generated()
    rows, columns = torch.nonzero(mask[0] > 0.5, as_tuple=True)
    top, bottom, left, right = (int(side) for side in (rows.min(), rows.max(), columns.min(), columns.max()))
    frame = torch.zeros_like(mask)
    frame[:, top - 20 : bottom + 20, left - 20 : right + 20] = 1
    frame[:, top - 12 : bottom + 12, left - 12 : right + 12] = 0
    return [marked(painted, frame), painted[:, top - 12 : bottom + 12, left - 12 : right + 12]]


def stitched() -> list[Tensor]:
    return regions()[::-1]


def in_front() -> list[Tensor]:
    canvas, mask, *_ = placed()
    opened_up = erase_handle(canvas, mask)
    return [opened_up.image, grey(opened_up.erased)]


def exported() -> list[Tensor]:
    canvas, mask, *_ = placed("berry_bag.jpg")
    _, cutout = cut("berry_bag.jpg")
    return [ground_and_shadow(canvas, mask, Light()).image, on_checker(cutout.product, cutout.alpha)]


def saved_cutout() -> list[Tensor]:
    photo, cutout = cut("shoulder_bag.jpg")
    return [photo, on_checker(cutout.product, cutout.alpha)]


def hint() -> list[Tensor]:
    photo, cutout = cut("brown_bag_table.jpg")
    rough = F.max_pool2d(cutout.alpha[None, None], 61, 1, 30)[0]
    return [marked(photo, rough), on_checker(cutout.product, cutout.alpha)]


SHOWN: dict[str, Callable[[], list[Tensor]]] = {
    "ProdgenSegmentProduct": segment,
    "ProdgenLoadBackgroundRemoval": segment,
    "ProdgenParts": parts,
    "ProdgenCutouts": parts,
    "ProdgenSaveCutouts": parts,
    "ProdgenPlaceProduct": place,
    "ProdgenEraseHandle": erase,
    "ProdgenGripZone": grip,
    "ProdgenPasteBack": paste,
    "ProdgenColorFix": color_fix,
    "ProdgenFidelity": fidelity,
    "ProdgenCheck": check,
    "ProdgenGroundShadow": ground,
    "ProdgenLight": light,
    "ProdgenStyle": style,
    "ProdgenRegisterProduct": register,
    "ProdgenSplitTiles": tiles,
    "ProdgenJoinTiles": joined,
    "ProdgenRecolor": recolored,
    "ProdgenLoadSwatch": swatch,
    "ProdgenCameraMove": camera,
    "ProdgenSpin": spin,
    "ProdgenCropRegions": regions,
    "ProdgenStitchRegions": stitched,
    "ProdgenKeepInFront": in_front,
    "ProdgenExport": exported,
    "ProdgenSaveCutout": saved_cutout,
    "ProdgenLoadHint": hint,
}
"""Node → its panels, from the left to the right. All other nodes are shown as they stand on the canvas."""


def strip(panels: list[Tensor]) -> Image.Image:
    """The panels side by side with an arrow between them, transparent around."""
    pictures = []
    for panel in panels:
        levels = (panel[0].clamp(0, 1).cpu().numpy() * 255).round().astype(np.uint8)
        picture = Image.fromarray(np.ascontiguousarray(levels))
        pictures.append(
            picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT), Image.Resampling.LANCZOS)
        )
    between = 3 * GAP
    width = sum(picture.width for picture in pictures) + between * (len(pictures) - 1)
    whole = Image.new("RGBA", (width, HEIGHT))
    draw, left = ImageDraw.Draw(whole), 0
    for picture in pictures:
        corners = Image.new("L", picture.size)
        ImageDraw.Draw(corners).rounded_rectangle((0, 0, picture.width - 1, HEIGHT - 1), 8, fill=255)
        whole.paste(picture, (left, 0), corners)
        left += picture.width
        if left < width:
            middle = left + between // 2
            arrow = [(middle - 5, HEIGHT // 2 - 8), (middle + 6, HEIGHT // 2), (middle - 5, HEIGHT // 2 + 8)]
            draw.polygon(arrow, fill=(128, 128, 128, 255))
        left += between
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="http://127.0.0.1:8188")
    parser.add_argument("--only", default="", help="the nodes whose name has this in it")
    options = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    nodes = [page.stem for page in sorted(PAGES.glob("*.md")) if options.only in page.stem]
    for node in nodes:
        if node in SHOWN:
            strip(SHOWN[node]()).save(PICTURES / f"{node}.webp", quality=82, method=6)
    others = [node for node in nodes if node not in SHOWN]
    for node, picture in (faces(options.server, others) if others else {}).items():
        picture.save(PICTURES / f"{node}.webp", quality=82, method=6)


if __name__ == "__main__":
    main()
