"""Save Cut-out: the product as a transparent PNG at the photo's own resolution, and its mask."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..imaging.tensors import bounding_box, common_batch, expand_batch, item, same_size, split_alpha
from ..shops import encode
from .common import CATEGORY, progress_callback, report_text, required_mask, shown_report
from .files import OutputFiles, graph_texts

_SEEN = 0.5 / 255
"""Alpha that 8 bits still hold: where nothing has more, the file would show nothing at all."""


class ProdgenSaveCutout(io.ComfyNode):
    """Straight (not premultiplied) alpha with the product's own colour up to and beyond the edge."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenSaveCutout",
            display_name="Save Cut-out",
            category=CATEGORY,
            description=(
                "Saves the product as a transparent PNG (straight alpha, clean edge colour, full resolution) and its "
                "mask as a second PNG. Both carry the graph: drop one on the canvas and it opens."
            ),
            search_aliases=["transparent png", "save rgba", "remove background", "save alpha", "cutout"],
            is_output_node=True,
            inputs=[
                io.Image.Input(
                    "product", tooltip="The product with its edge colours cleaned: 'product' of 'Segment Product'."
                ),
                io.Mask.Input("mask", tooltip="Its alpha (1 = product): 'mask' of 'Segment Product'."),
                io.String.Input(
                    "filename_prefix",
                    default="cutout",
                    tooltip="Start of the file names; may hold folders and %date:yyyy-MM-dd%.",
                ),
                io.Boolean.Input(
                    "save_mask", default=True, optional=True, tooltip="Also save the mask, white on black."
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="The product with its alpha (RGBA)."),
                io.String.Output("report", tooltip="The files, as JSON."),
            ],
        )

    @classmethod
    def execute(cls, product: Tensor, mask: Tensor, filename_prefix: str, save_mask: bool = True) -> io.NodeOutput:
        rgb, _ = split_alpha(product, "product")
        mask = required_mask(mask, product)
        height, width = same_size(product=rgb, mask=mask)
        batch = common_batch(product=rgb, mask=mask)
        for number, one in enumerate(mask, 1):
            bounding_box(one, _SEEN, "mask" if len(mask) == 1 else f"mask {number} of {len(mask)}")
        files = OutputFiles(filename_prefix, width, height)
        texts = graph_texts(cls)
        step = progress_callback(batch)
        written: list[dict[str, Any]] = []
        for index in range(batch):
            alpha = encode.to_bytes(item(mask, index))
            picture = encode.with_alpha(encode.to_bytes(item(rgb, index)), alpha)
            pictures = [(".png", picture), ("mask.png", alpha)] if save_mask else [(".png", picture)]
            for suffix, values in pictures:
                coded = encode.png(values, texts)
                written.append({"file": files.write(index, suffix, coded.data), "bytes": len(coded.data)})
            step(index + 1)
        report = {"width": width, "height": height, "files": written}
        text = report_text(report)
        shown = {**shown_report(text), **ui.SavedImages(files.saved).as_dict()}
        rgba = torch.cat((expand_batch(rgb, batch), expand_batch(mask, batch).unsqueeze(-1).to(rgb)), dim=-1)
        return io.NodeOutput(rgba, text, ui=shown)
