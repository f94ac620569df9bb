"""Fix Product Color: the product in a generated picture gets the colours of its photo back."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..imaging.color.fix import IF_UNSAFE, MAX_TINT, METHODS, IfUnsafe, Method, Settings, fix_color
from ..imaging.colorspace import DELTA_E00
from ..imaging.reports import batch_report
from .common import CATEGORY, deliver, optional_mask, output, progress_callback, thumbnails, work_device


class ProdgenColorFix(io.ComfyNode):
    """Relights the original product, or carries its colour statistics over, inside the mask only."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenColorFix",
            display_name="Fix Product Color (CIELAB)",
            category=CATEGORY,
            description=(
                "Gives a generated or relit product the colours of its photo back. relight_original multiplies the "
                "photo by the scene's light, so colour and detail are the seller's and the light is the scene's; the "
                "lab_ methods match colour statistics. Outside the mask no bit changes."
            ),
            has_intermediate_output=True,
            search_aliases=[
                "color match",
                "color transfer",
                "color correction",
                "relight",
                "restore color",
                "color loss",
                "color shift",
                "magenta drift",
                "lab",
                "mkl",
                "reinhard",
                "histogram matching",
            ],
            inputs=[
                io.Image.Input("image", tooltip="The generated or relit picture whose product has the wrong colours."),
                io.Image.Input(
                    "reference",
                    tooltip=(
                        "The product as it really looks. relight_original: the original at the same size and place as "
                        "in image (from Place Product, or the photo that was relit). lab_ methods: any size."
                    ),
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="Where to correct (1 = product), soft edges count by their share."
                ),
                io.Mask.Input(
                    "reference_mask",
                    optional=True,
                    tooltip=(
                        "Where to measure the reference (1 = product). Without it: the reference's own alpha, else "
                        "mask where both pictures have one size, else the whole reference."
                    ),
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default=METHODS[0],
                    tooltip=(
                        "relight_original: best wherever the original lies in the same place. lab_histogram: match the "
                        "a* and b* histograms, keep lightness. lab_mkl: match mean and covariance. lab_reinhard: match "
                        "mean and deviation of each channel."
                    ),
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="0 leaves the picture as it is, 1 corrects fully.",
                ),
                io.Float.Input(
                    "lightness_boost",
                    default=0.0,
                    min=-20.0,
                    max=20.0,
                    step=0.1,
                    tooltip="L* units added per diffusion pass. Chains of img2img lose about 0.8 to 1 a pass.",
                ),
                io.Int.Input(
                    "transforms",
                    default=1,
                    min=0,
                    max=1000,
                    tooltip="How many diffusion passes the picture has been through; the lightness boost is per pass.",
                ),
                io.Combo.Input(
                    "if_unsafe",
                    options=list(IF_UNSAFE),
                    default=IF_UNSAFE[0],
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "relight_original only, when the pictures are not registered or the product mirrors: paste the "
                        "original as it is (and say so in the report), or relight it anyway."
                    ),
                ),
                io.Boolean.Input(
                    "keep_lightness",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip="lab_mkl and lab_reinhard: take only a* and b*, leave lightness as the scene lit it.",
                ),
                io.Float.Input(
                    "tint",
                    default=0.0,
                    min=0.0,
                    max=MAX_TINT,
                    step=0.1,
                    optional=True,
                    advanced=True,
                    tooltip="relight_original: how much of the scene's colour cast the product may take on, in "
                    f"{DELTA_E00}.",
                ),
                io.Boolean.Input(
                    "in_place",
                    default=False,
                    optional=True,
                    advanced=True,
                    tooltip=(
                        "relight_original: the product is known to lie at the same pixels in both pictures, because "
                        "the scene was painted around it. Then nothing is asked about its place."
                    ),
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The corrected picture."),
                io.String.Output(
                    display_name="report", tooltip="JSON: what was applied, whether and why it fell back, the measures."
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        *,
        image: Tensor,
        reference: Tensor,
        method: Method,
        strength: float,
        lightness_boost: float,
        transforms: int,
        mask: Tensor | None = None,
        reference_mask: Tensor | None = None,
        if_unsafe: IfUnsafe = "paste_original",
        keep_lightness: bool = False,
        tint: float = 0.0,
        in_place: bool = False,
    ) -> io.NodeOutput:
        device = work_device()
        mask, reference_mask = optional_mask(mask, image), optional_mask(reference_mask, reference)
        settings = Settings(method, strength, lightness_boost, transforms, keep_lightness, tint, if_unsafe, in_place)
        fixed, reports = fix_color(
            image.to(device),
            reference.to(device),
            None if mask is None else mask.to(device),
            None if reference_mask is None else reference_mask.to(device),
            settings,
            progress=progress_callback(max(image.shape[0], reference.shape[0])),
        )
        (result,) = deliver(fixed)
        before = thumbnails(image[:4, ..., :3].float()).cpu()
        after = thumbnails(result[:4, ..., :3]).cpu()
        preview = torch.cat((before.expand(after.shape[0], -1, -1, after.shape[-1]), after), dim=2)
        return output(result, report=_merged(method, reports), preview=preview, cls=cls)


def _merged(method: str, reports: list[dict[str, Any]]) -> dict[str, Any]:
    together = {
        "applied": sorted({str(report["applied"]) for report in reports}),
        "fallback": any(report.get("fallback", False) for report in reports),
        "reason": next((report["reason"] for report in reports if report.get("reason")), None),
    }
    return {"method": method, **batch_report(reports, **together)}
