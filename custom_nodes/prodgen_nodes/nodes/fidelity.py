"""Product Fidelity: is the product in the finished picture still the seller's?"""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.fidelity.judge import COMPARES, Compare, Limits, Settings, judge, merged
from ..imaging.placement import Placement
from .common import (
    CATEGORY,
    PlacementType,
    optional_mask,
    output,
    progress_callback,
    required_mask,
    work_device,
)
from .heat import heat_map
from .product_kind import identity, worn

_DEFAULTS = Limits()


def _limit(name: str, default: float, high: float, step: float, tooltip: str) -> io.Float.Input:
    return io.Float.Input(
        name, default=default, min=0.0, max=high, step=step, optional=True, advanced=True, tooltip=tooltip
    )


class ProdgenFidelity(io.ComfyNode):
    """Measures colour, structure, outline and standing of the product in a finished picture, and says what is wrong."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenFidelity",
            display_name="Product Fidelity",
            category=CATEGORY,
            description=(
                "Compares the finished picture with the product photo, where it was placed: CIEDE2000, hue, SSIM, "
                "small places that were changed, lost detail, rests of an old backdrop on the outline, a second copy "
                "beside it, and whether it floats. Says passed or not, with reasons that name the place."
            ),
            search_aliases=["quality check", "delta e", "ciede2000", "ssim", "compare product", "quality gate", "halo"],
            inputs=[
                io.Image.Input("image", tooltip="The finished picture."),
                io.Image.Input(
                    "product",
                    tooltip="The product photo at full resolution (from Segment Product), as it really looks.",
                ),
                io.Mask.Input("mask", tooltip="Where the product is in that photo (1 = product), same size as it."),
                PlacementType.Input(
                    "placement",
                    optional=True,
                    tooltip=(
                        "From Place Product: where the photo's pixels belong in the picture. Without it the product "
                        "must already have the picture's size and lie in its place."
                    ),
                ),
                io.Combo.Input(
                    "compare",
                    options=list(COMPARES),
                    default=COMPARES[0],
                    optional=True,
                    tooltip=(
                        "exact: every pixel must look as in the photo (packshots, pasted products). relit: light may "
                        "differ, colour and structure may not (after Fix Product Color or a relight)."
                    ),
                ),
                io.Float.Input(
                    "scale",
                    default=1.0,
                    min=0.5,
                    max=2.0,
                    step=0.001,
                    optional=True,
                    tooltip="The scale that Paste Product Back used (its default is 1.01); 1 when nothing was pasted.",
                ),
                io.Boolean.Input(
                    "check_floating",
                    default=True,
                    optional=True,
                    tooltip="Off for pictures that have no shadow by design; floating is then null.",
                ),
                io.Mask.Input(
                    "keep_in_front",
                    optional=True,
                    tooltip="Where the scene covers the product on purpose (fingers, erased handle): not judged.",
                ),
                io.Image.Input(
                    "photo",
                    optional=True,
                    tooltip=(
                        "The photo as it was loaded, before it was cut out: with it the report says whether the "
                        "cut-out holds all of the product, or a foot, a strap or a corner was cut away."
                    ),
                ),
                _limit(
                    "max_delta_e00_mean", _DEFAULTS.max_delta_e00_mean, 100, 0.1, "Largest mean CIEDE2000 that passes."
                ),
                _limit(
                    "max_delta_e00_p95",
                    _DEFAULTS.max_delta_e00_p95,
                    100,
                    0.1,
                    "Largest CIEDE2000 that 95 % of the product may reach.",
                ),
                _limit(
                    "max_hue_error_deg",
                    _DEFAULTS.max_hue_error_deg,
                    180,
                    0.5,
                    "Largest mean hue difference in degrees, where the product is colourful (C* > 12).",
                ),
                _limit("min_ssim", _DEFAULTS.min_ssim, 1, 0.01, "Smallest structural similarity that passes."),
                _limit(
                    "max_edge_halo",
                    _DEFAULTS.max_edge_halo,
                    100,
                    0.1,
                    "Largest excess colour difference on the outline, in CIEDE2000.",
                ),
                _limit(
                    "min_sharpness",
                    _DEFAULTS.min_sharpness,
                    1,
                    0.01,
                    "Smallest share of the product's fine detail that must be left; 0 = not checked.",
                ),
                _limit(
                    "max_ghost",
                    _DEFAULTS.max_ghost,
                    1,
                    0.01,
                    "Largest share of its outline that may be repeated beside it (a second copy); 1 = not checked.",
                ),
                io.Int.Input(
                    "erode",
                    default=0,
                    min=0,
                    max=256,
                    optional=True,
                    advanced=True,
                    tooltip="Pixels to stay away from the outline when comparing; 0 chooses by the product's size.",
                ),
                io.Mask.Input(
                    "zone",
                    optional=True,
                    tooltip="From Grip Zone, at the picture's size: keep_in_front may cover the product there, not "
                    "elsewhere. How much it covers is reported.",
                ),
            ],
            outputs=[io.String.Output(display_name="report", tooltip="JSON: the measures, passed, reasons in words.")],
            is_output_node=True,
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Once the network that knows garments is installed, the answer may be another."""
        return identity()

    @classmethod
    def execute(
        cls,
        *,
        image: Tensor,
        product: Tensor,
        mask: Tensor,
        placement: Placement | None = None,
        compare: Compare = "exact",
        scale: float = 1.0,
        check_floating: bool = True,
        keep_in_front: Tensor | None = None,
        photo: Tensor | None = None,
        erode: int = 0,
        zone: Tensor | None = None,
        **limits: float,
    ) -> io.NodeOutput:
        device = work_device()
        keep, held = optional_mask(keep_in_front, image), optional_mask(zone, image)
        results = judge(
            image.to(device),
            product.to(device),
            required_mask(mask, product).to(device),
            placement,
            Settings(Limits(**limits), compare, scale, erode, check_floating),
            keep_in_front=None if keep is None else keep.to(device),
            photo=None if photo is None else photo.to(device),
            worn=worn,
            zone=None if held is None else held.to(device),
            progress=progress_callback(max(image.shape[0], product.shape[0])),
        )
        return output(report=merged(results), preview=heat_map(image, results[0]), cls=cls)
