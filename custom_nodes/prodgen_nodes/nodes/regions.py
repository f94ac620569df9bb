"""Crop Regions and Put Regions Back: what a mask marks, repainted at a model's size, all else bit for bit as it was."""

from __future__ import annotations

import math
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.crops import (
    MAX_FEATHER,
    Crops,
    Region,
    RegionSettings,
    cut_all,
    plan_regions,
    region_mask,
    stitch_regions,
)
from ..imaging.tensors import check_image
from .common import CATEGORY, check_widgets, deliver, output, required_mask, work_device

RegionsType = io.Custom("PRODGEN_REGIONS")
NOTHING = "the mask marks nothing: nothing is repainted, the picture stays as it is."
_SHARP_ENOUGH = 0.8
"""Share of its size from which a region may be painted without a word: less than one pixel in five is lost a line."""
_MOST = 4096
"""Pixels of a crop's side at most."""


class ProdgenCropRegions(io.ComfyNode):
    """Square crops around what a mask marks."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenCropRegions",
            display_name="Crop Regions",
            category=CATEGORY,
            description=(
                "Cuts what a mask marks out at the size a model works best at, with a soft mask of what may change and "
                "the way back for Put Regions Back. Regions that lie apart get a crop each."
            ),
            has_intermediate_output=True,
            search_aliases=["inpaint crop", "only masked", "detailer", "crop by mask", "region", "crop and stitch"],
            inputs=[
                io.Image.Input("image", tooltip="The picture."),
                io.Mask.Input("mask", tooltip="What may change (1), at the picture's size."),
                io.Int.Input("size", default=512, min=64, max=_MOST, step=64, tooltip="Side of the crops in pixels."),
                io.Int.Input(
                    "padding",
                    default=32,
                    min=0,
                    max=4096,
                    tooltip="Pixels of the picture around a region that the model sees.",
                ),
                io.Int.Input(
                    "grow", default=4, min=0, max=512, optional=True, tooltip="Pixels by which the mask grows first."
                ),
                io.Float.Input(
                    "blur",
                    default=4.0,
                    min=0.0,
                    max=256.0,
                    step=0.5,
                    optional=True,
                    tooltip="Pixels of the picture over which the change fades at the mask's edge.",
                ),
                io.Int.Input(
                    "max_regions",
                    default=8,
                    min=1,
                    max=64,
                    optional=True,
                    advanced=True,
                    tooltip="At most this many regions of a picture, the largest.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="crops", tooltip="All regions of all pictures, one after another."),
                io.Mask.Output(display_name="masks", tooltip="What may change in each crop (1), soft at the edge."),
                RegionsType.Output(display_name="regions", tooltip="The way back, for Put Regions Back."),
                io.String.Output(display_name="report", tooltip="JSON: picture, box and enlargement of every crop."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        mask: Tensor,
        size: int,
        padding: int,
        grow: int = 4,
        blur: float = 4.0,
        max_regions: int = 8,
    ) -> io.NodeOutput:
        image = check_image(image)
        mask = required_mask(mask, image)
        settings = RegionSettings(size, padding, grow, blur, max_regions)
        plan = plan_regions(image.to(work_device()), mask.to(work_device()), settings)
        crops, masks = deliver(*cut_all(image.to(work_device()), plan, region_mask))
        report = {
            "crops": len(plan),
            "size": plan.size,
            "regions": [_entry(crop) for crop in plan.crops],
            "doubts": _coarser(plan) if len(plan) else [],
            "notes": [] if len(plan) else [NOTHING],
        }
        return output(crops, masks, plan, report=report, preview=crops, cls=cls)


def _coarser(plan: Crops[Region]) -> list[str]:
    """What to say where a region is painted smaller than it is in the picture."""
    scale = min(crop.transform.a for crop in plan.crops)
    if scale >= _SHARP_ENOUGH:
        return []
    fitting = min(_MOST, math.ceil(plan.size / scale / 64) * 64)
    return [
        f"The largest region is painted at {scale:.0%} of its size: what is finer goes out where it is repainted. "
        f"A size of {fitting} keeps more, as far as the model can paint that; or crop the picture closer."
    ]


def _entry(crop: Region) -> dict[str, Any]:
    box = crop.box
    return {
        "picture": crop.picture + 1,
        "box": [box.left, box.top, box.right, box.bottom],
        "enlarged": crop.transform.a,
    }


class ProdgenStitchRegions(io.ComfyNode):
    """Repainted regions back into their picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenStitchRegions",
            display_name="Put Regions Back",
            category=CATEGORY,
            description=(
                "Puts repainted regions back where Crop Regions took them from, their colour matched to what surrounds "
                "them. Outside the masks the picture stays bit for bit as it was; a region that came out blank stays "
                "out."
            ),
            has_intermediate_output=True,
            search_aliases=["inpaint stitch", "uncrop", "paste back", "detailer", "crop and stitch"],
            inputs=[
                io.Image.Input("image", tooltip="The very picture that went into Crop Regions."),
                io.Image.Input("refined", lazy=True, tooltip="The repainted crops, all of them, in their order."),
                RegionsType.Input("regions", tooltip="From Crop Regions."),
                io.Float.Input(
                    "feather",
                    default=0.0,
                    min=0.0,
                    max=MAX_FEATHER,
                    step=0.5,
                    optional=True,
                    advanced=True,
                    tooltip="More fading, in pixels of the picture, inward from the mask's edge. The blur of Crop "
                    "Regions is usually enough.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The picture with the regions repainted."),
                io.Mask.Output(display_name="mask", tooltip="What was changed (1)."),
                io.String.Output(display_name="report", tooltip="JSON: per region whether it is in, and its colour."),
            ],
        )

    @classmethod
    def check_lazy_status(cls, regions: Crops[Region] | None = None, **values: Any) -> list[str]:
        """Nothing is painted where nothing is marked."""
        return ["refined"] if regions is not None and len(regions) and values.get("refined") is None else []

    @classmethod
    def execute(
        cls, image: Tensor, regions: Crops[Region], refined: Tensor | None = None, feather: float = 0.0
    ) -> io.NodeOutput:
        check_widgets(cls, feather=feather)
        device = work_device()
        fresh = None if refined is None else refined.to(device)
        done, why = stitch_regions(check_image(image).to(device), fresh, regions, feather)
        picture, mask = deliver(done.image, done.mask)
        report = {
            "regions": [
                {**_entry(crop), "kept": not reason, "why": reason or "repainted", "color_shift": shift or 0.0}
                for crop, reason, shift in zip(regions.crops, why, done.shifts, strict=True)
            ],
            "changed": float((mask > 0).float().mean()),
            "notes": [] if len(regions) else [NOTHING],
        }
        return output(picture, mask, report=report, preview=picture, cls=cls)
