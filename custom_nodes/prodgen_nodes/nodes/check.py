"""Check Product: is the product in anybody's picture still the seller's?"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from comfy_api.latest import io
from torch import Tensor

from ..imaging.checking import Checked, check_picture, reduced, seen_in
from ..imaging.colorspace import DELTA_E00
from ..imaging.errors import EmptyMaskError
from ..imaging.reports import batch_report
from ..imaging.segmentation import Cutout
from ..imaging.segmentation.cutout import Progress
from ..imaging.tensors import check_choice, check_color, common_batch, item, same_size
from ..shops.channels import CHANNELS, channel_named
from ..shops.elsewhere import inspect_elsewhere
from ..shops.report import export_report
from .background_removal import identity_of_best
from .common import CATEGORY, deliver, output, progress_callback, required_mask, work_device
from .heat import heat_map
from .segmentation import STEPS, Choice, cut_out, photos_of, stages

NO_SHOP = "none"
_HEAT_SIDE = 1024
"""Pixels of the heat map's longer side: it shows where to look, not what is there."""


class ProdgenCheck(io.ComfyNode):
    """Finds the product in a picture of any origin and says whether it still is the one of the photo."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenCheck",
            display_name="Check Product",
            category=CATEGORY,
            description=(
                "Is the product in this picture still the seller's? Finds it, lays the photo's product over it, and "
                "compares colour, hue, structure and outline, whatever the light. Says what is wrong where, shows it "
                "as a heat map, and checks the rules of a shop. What is not found surely never passes."
            ),
            is_output_node=True,
            search_aliases=["verify", "quality check", "compare product", "brand check", "delta e", "counterfeit"],
            inputs=[
                io.Image.Input("image", tooltip="The picture to check, made by any tool."),
                io.Image.Input("product", tooltip="The seller's product, from Segment Product."),
                io.Mask.Input("mask", tooltip="Where it is in its photo (1 = product), from the same node."),
                io.Image.Input(
                    "photo", tooltip="The product's photo as it was loaded: it tells whether the cut-out is whole."
                ),
                io.Combo.Input(
                    "channel",
                    options=[NO_SHOP, *CHANNELS],
                    default=NO_SHOP,
                    optional=True,
                    tooltip="The shop whose rules for a main picture are checked, too.",
                ),
                io.BackgroundRemoval.Input(
                    "bg_removal_model",
                    optional=True,
                    tooltip="What finds the things in the picture. Without it, the best one installed.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    display_name="heat",
                    tooltip=f"The picture in grey: {DELTA_E00} in magenta, places that fail in orange, additions "
                    "in blue.",
                ),
                io.Boolean.Output(display_name="passed", tooltip="Whether every picture shows the seller's product."),
                io.String.Output(display_name="report", tooltip="JSON: verdict, reasons, measures, the shop's rules."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """A network that was installed, replaced or removed since the last run sees other things."""
        return identity_of_best()

    @classmethod
    def execute(
        cls,
        image: Tensor,
        product: Tensor,
        mask: Tensor,
        photo: Tensor,
        channel: str = NO_SHOP,
        bg_removal_model: Any = None,
    ) -> io.NodeOutput:
        check_choice(channel, (NO_SHOP, *CHANNELS), "channel")
        mask = required_mask(mask, product)
        product, photo = check_color(product, "product")[..., :3], check_color(photo, "photo")[..., :3]
        same_size(product=product, mask=mask, photo=photo)
        rgb, _, _, _ = photos_of(image, None)
        batch = common_batch(image=rgb, product=product, mask=mask, photo=photo)
        if not bool((mask > 0.5).any()):
            raise EmptyMaskError("mask holds no product: there is nothing to look for in the picture.")
        choice = Choice("auto", bg_removal_model, "squash", "all")
        device = work_device()
        step = progress_callback(STEPS * batch)
        heats, reports = [], []
        witness: Tensor | None = None
        for index in range(batch):
            whole = item(rgb, index)
            picture = reduced(whole.to(device))
            advance = stages(step, index, batch)
            seen = seen_in(picture, partial(_cut, choice=choice, advance=advance, device=device))
            own = item(photo, index).to(device)
            if witness is None or len(photo) > 1:  # one photo of many pictures is looked at once
                witness = seen_in(own, partial(_cut, choice=choice, advance=advance, device=device)).alpha
            done = check_picture(
                picture, item(product, index).to(device), item(mask, index).to(device), own, seen, witness
            )
            reports.append(_reported(done, whole, seen.alpha, channel))
            heats.append(heat_map(picture[None], done.fidelity, _HEAT_SIDE, done.added)[0])
            step(STEPS * (index + 1))
        (heat,) = deliver(torch.stack(heats))
        together = batch_report(reports) | {"verdicts": [one["verdict"] for one in reports]}
        return output(heat, together["passed"], report=together, preview=heat, cls=cls)


def _cut(picture: Tensor, choice: Choice, advance: Progress, device: Any) -> Cutout:
    return cut_out(picture, None, None, choice, advance, device)


def _reported(done: Checked, picture: Tensor, alpha: Tensor, channel: str) -> dict[str, Any]:
    """The report of one picture, with the rules of the shop where one was named."""
    size = {"width": int(picture.shape[1]), "height": int(picture.shape[0])}
    report = {"title": "Check Product"} | done.report | size
    scale = picture.shape[0] / done.cover.shape[0]
    if report["bbox"] is not None:
        report["bbox"] = [round(side * scale) for side in report["bbox"]]
    if channel == NO_SHOP:
        return report
    cover = done.cover if bool((done.cover > 0.5).any()) else alpha
    full = (picture.shape[0], picture.shape[1])
    if tuple(cover.shape) != full:
        cover = F.interpolate(cover[None, None], size=full, mode="bilinear")[0, 0]
    shop = channel_named(channel)
    missing = tuple(report.get("missing") or ())
    unchecked = None if report.get("whole") is not None else str(report.get("whole_note"))
    rules = inspect_elsewhere(picture, cover.to(picture.device), shop, missing, unchecked)
    rules_report = export_report(shop, [rules], [])
    reasons = [f"{shop.title}: {reason}" for reason in rules_report["reasons"]]
    return report | {
        "channel": channel,
        "rules": rules_report["rules"],
        "failed_rules": rules_report["failed"],
        "passed": report["passed"] and not reasons,
        "reasons": [*report["reasons"], *reasons],
    }
