"""Recolor Product: one product in the colours of its range, from one photo."""

from __future__ import annotations

import contextlib

import torch
from comfy_api.latest import io
from torch import Tensor

from ..imaging.colorspace import parse_hex, srgb_to_lab
from ..imaging.errors import EmptyMaskError
from ..imaging.hint import fit_hint
from ..imaging.product.words import listing_words
from ..imaging.recolor import in_photo, out_of_reach, recolor, swatch_color, target_color
from ..imaging.reports import batch_report
from ..imaging.tensors import check_color, check_mask, common_batch, item, same_size
from .common import CATEGORY, deliver, optional_mask, output, required_mask, work_device


class ProdgenRecolor(io.ComfyNode):
    """Gives one material of the product another colour; its shading, texture and highlights stay."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenRecolor",
            display_name="Recolor Product",
            category=CATEGORY,
            description=(
                "One product in the colours of its range, from one photo: a material gets another colour, its shading, "
                "texture and highlights stay, and metal, stitching and all other materials keep their very bits."
            ),
            has_intermediate_output=True,
            search_aliases=["recolour", "change color", "colour variants", "swatch", "hue", "color range"],
            inputs=[
                io.Image.Input("product", tooltip="The product photo, from Segment Product."),
                io.Mask.Input("mask", tooltip="Where the product is in it (1 = product), from the same node."),
                io.String.Input(
                    "color",
                    default="#aa2211",
                    tooltip="#rrggbb, lab(L, a, b) or a name (navy): what most of the part has afterwards, gloss and "
                    "light included.",
                ),
                io.Image.Input(
                    "swatch",
                    optional=True,
                    tooltip="A photo of the colour instead: what most of its middle has counts.",
                ),
                io.Mask.Input(
                    "part",
                    optional=True,
                    tooltip="What to recolour (1), painted on the photo or a smaller copy. Without it: the material.",
                ),
                io.Int.Input(
                    "material",
                    default=1,
                    min=1,
                    max=8,
                    optional=True,
                    tooltip="Without a part: which material by number, the largest is 1. The report lists them with "
                    "their colours and shares.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="How far it goes to the new colour; 0 = as it was.",
                ),
                io.String.Input(
                    "part_color",
                    default="",
                    optional=True,
                    tooltip="Without a part: the material that has this colour (#rrggbb, lab(L, a, b), a name), "
                    "whatever its number.",
                ),
                io.Image.Input(
                    "photo",
                    optional=True,
                    tooltip="The photo as it was loaded: the last output is it, with the product in the new colour.",
                ),
                io.Mask.Input(
                    "transparency",
                    optional=True,
                    tooltip="The mask output of 'Load Image' (1 = transparent): a photo that is already cut out comes "
                    "out on white.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="product", tooltip="The recoloured product photo."),
                io.Mask.Output(display_name="part", tooltip="What was recoloured (1)."),
                io.String.Output(display_name="report", tooltip="JSON: before, after, materials with numbers."),
                io.Image.Output(
                    display_name="picture",
                    tooltip="The photo with the recoloured product in it, all else bit for bit; without a photo, the "
                    "product.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        product: Tensor,
        mask: Tensor,
        color: str,
        swatch: Tensor | None = None,
        part: Tensor | None = None,
        material: int = 1,
        strength: float = 1.0,
        part_color: str = "",
        photo: Tensor | None = None,
        transparency: Tensor | None = None,
    ) -> io.NodeOutput:
        mask, part = required_mask(mask, product), optional_mask(part, product)
        if part is not None:
            part = fit_hint(check_mask(part, "part"), product.shape[1], product.shape[2], "part")
        device = work_device()
        target = target_color(color) if swatch is None else swatch_color(swatch)
        near = target_color(part_color, "part_color").to(device) if part_color.strip() and part is None else None
        before = product.to(device)
        done = recolor(
            before,
            mask.to(device),
            target.to(device),
            None if part is None else part.to(device),
            material,
            strength,
            near,
        )
        for index, one in enumerate(done.reports):
            with contextlib.suppress(EmptyMaskError):
                one["listing"] = {
                    **listing_words(item(done.image, index), item(mask, index).to(device), _lab(one["after"])),
                    "recolored": True,
                }
        report = {"title": "Recolor Product"} | batch_report(done.reports)
        if swatch is None and out_of_reach(color):
            report["warnings"] = [
                f"{color} is more colourful than a screen shows: {report['color']} is.",
                *report["warnings"],
            ]
        picture = done.image if photo is None else _in_photo(photo, before, done.image, mask, transparency)
        image, chosen, picture = deliver(done.image, done.part, picture)
        return output(image, chosen, report=report, after=(picture,), preview=picture, cls=cls)


def _lab(color: str) -> Tensor:
    """CIELAB `[3]` of `#rrggbb`."""
    return srgb_to_lab(torch.tensor(parse_hex(color)))


def _in_photo(photo: Tensor, before: Tensor, after: Tensor, mask: Tensor, transparency: Tensor | None) -> Tensor:
    """`photo` `[B,H,W,C]` with the product `after` in the place of `before`, both `[B,H,W,3]`."""
    rgb, mask = check_color(photo, "photo")[..., :3], check_mask(mask)
    same_size(photo=rgb, product=before, mask=mask)
    clear = optional_mask(transparency, photo)
    if clear is not None:
        clear = check_mask(clear, "transparency")
        same_size(photo=rgb, transparency=clear)
    named = {"photo": rgb, "product": after, "mask": mask} | ({} if clear is None else {"transparency": clear})
    pictures = []
    for index in range(common_batch(**named)):
        seen, old, new, share = (item(one, index).to(after) for one in (rgb, before[..., :3], after, mask))
        pictures.append(in_photo(seen, old, new, share, None if clear is None else item(clear, index).to(after)))
    return torch.stack(pictures)
