"""Export for Marketplace: the finished PNG and JPEG, and one pass/fail line per rule of the shop."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io, ui
from torch import Tensor

from ..imaging.placement import Placement
from ..imaging.registration import recorded
from ..imaging.tensors import check_mask, common_batch, item, same_size, split_alpha
from ..shops import encode
from ..shops.channels import Channel
from ..shops.finish import Tags, finish
from ..shops.inspection import inspect
from ..shops.report import export_report
from ..shops.rule import Rule
from ..shops.verdict import read_verdict
from .channel import ChannelType
from .common import (
    CATEGORY,
    PlacementType,
    check_widgets,
    optional_mask,
    progress_callback,
    report_text,
    required_mask,
    shown_report,
)
from .files import OutputFiles, graph_texts

_LARGEST_DPI = 2400
"""What presses resolve; the number is written into the files as it stands."""


class ProdgenExport(io.ComfyNode):
    """Writes what a seller uploads, and says honestly whether the shop will take it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenExport",
            display_name="Export for Marketplace",
            category=CATEGORY,
            description=(
                "Saves the picture as JPEG (sRGB profile, full colour resolution, within the shop's size limit, no "
                "metadata) and as PNG (with the graph: drop it on the canvas and it opens), and checks every rule of "
                "the marketplace on the saved pixels."
            ),
            search_aliases=["save jpeg", "save for web", "marketplace check", "compliance", "packshot", "save image"],
            is_output_node=True,
            inputs=[
                io.Image.Input("image", tooltip="The finished picture."),
                io.Mask.Input(
                    "mask",
                    tooltip="Where the product is on it (1 = product): from Paste Product Back or Place Product.",
                ),
                ChannelType.Input("channel", tooltip="The shop's rules, from 'Marketplace Preset'."),
                io.String.Input(
                    "filename_prefix",
                    default="packshot",
                    tooltip="Start of the file names; may hold folders and %date:yyyy-MM-dd%.",
                ),
                io.Mask.Input(
                    "shadow",
                    optional=True,
                    tooltip="The shadow of 'Ground and Shadow': the background is checked outside it.",
                ),
                PlacementType.Input(
                    "placement",
                    optional=True,
                    tooltip="From 'Place Product': tells whether the product had to be enlarged.",
                ),
                io.String.Input(
                    "fidelity",
                    optional=True,
                    force_input=True,
                    tooltip="Report of 'Product Fidelity': adds its verdict to the check.",
                ),
                io.Combo.Input(
                    "source",
                    options=list(encode.SOURCES),
                    default="photo",
                    optional=True,
                    advanced=True,
                    tooltip="'photo' writes no tag. 'composite' (a photo in a generated scene) and 'generated' write "
                    "the IPTC digital source type that Google and others ask of AI pictures.",
                ),
                io.Int.Input(
                    "dpi",
                    default=encode.DPI,
                    min=1,
                    max=_LARGEST_DPI,
                    optional=True,
                    advanced=True,
                    tooltip="Dots per inch written into both files; for print only, it changes no pixel.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="The picture as it came."),
                io.String.Output("report", tooltip="One line per rule, as JSON."),
            ],
        )

    @classmethod
    def execute(
        cls,
        *,
        image: Tensor,
        mask: Tensor,
        channel: Channel,
        filename_prefix: str,
        shadow: Tensor | None = None,
        placement: Placement | None = None,
        fidelity: str | None = None,
        source: str = "photo",
        dpi: int = encode.DPI,
    ) -> io.NodeOutput:
        rgb, _ = split_alpha(image)
        mask = required_mask(mask, image)
        shadow = optional_mask(shadow, image)
        shapes = {"image": rgb, "mask": mask}
        if shadow is not None:
            shadow = shapes["shadow"] = check_mask(shadow, "shadow")
        batch = common_batch(**shapes)
        height, width = same_size(**shapes)
        verdict = read_verdict(fidelity)
        files = OutputFiles(filename_prefix, width, height)
        check_widgets(cls, dpi=dpi)
        tags = Tags(graph_texts(cls), source, int(dpi))
        step = progress_callback(batch)
        checked: list[list[Rule]] = []
        written: list[dict[str, Any]] = []
        for index in range(batch):
            done = finish(
                item(rgb, index),
                item(mask, index),
                None if shadow is None else item(shadow, index),
                channel,
                index=index,
                placement=placement,
                verdict=verdict,
                tags=tags,
            )
            checked.append([*inspect(done, channel), *verdict.rules])
            for suffix, coded in done.files:
                name = files.write(index, suffix, coded.data)
                written.append(
                    {"file": name, "bytes": len(coded.data)} | ({"quality": coded.quality} if coded.quality else {})
                )
            step(index + 1)
        where = {} if placement is None else {"placement": recorded(placement)}
        text = report_text(export_report(channel, checked, written) | where)
        shown: dict[str, Any] = {**shown_report(text), **ui.SavedImages(files.saved).as_dict()}
        return io.NodeOutput(image.float(), text, ui=shown)
