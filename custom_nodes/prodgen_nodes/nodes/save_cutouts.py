"""Save Every Object: each layer as a transparent PNG with its number and label, and a sheet of them all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from comfy_api.latest import io, ui
from torch import Tensor

from ..imaging.errors import ParameterError, ShapeError
from ..imaging.objects import file_label, rle
from ..imaging.objects.sheet import object_sheet
from ..imaging.tensors import Box, bounding_box, check_image
from ..shops import encode
from .common import CATEGORY, progress_callback, report_text, shown_report
from .files import OutputFiles, graph_texts

_SHEET_BYTES = 4_000_000
"""Of the contact sheet, a picture to look at and not to sell with."""


class ProdgenSaveCutouts(io.ComfyNode):
    """Full-frame transparent PNGs, one an object, named `<number>_<label>`."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenSaveCutouts",
            display_name="Save Every Object",
            category=CATEGORY,
            description=(
                "Saves each object of 'Cut Out Every Object' as a transparent PNG as large as the picture, the object "
                "where it stood, named by its number and label; with a sheet of them all, and their COCO masks in the "
                "report."
            ),
            search_aliases=["save layers", "save objects", "save instances", "coco", "transparent png"],
            is_output_node=True,
            inputs=[
                io.Image.Input("layers", tooltip="RGBA, one an object: 'layers' of 'Cut Out Every Object'."),
                io.String.Input(
                    "objects",
                    default="",
                    force_input=True,
                    optional=True,
                    tooltip="The report of 'Cut Out Every Object': labels, scores and notes. Without it all are called "
                    "object.",
                ),
                io.String.Input(
                    "filename_prefix",
                    default="cutouts",
                    tooltip="Start of the file names; may hold folders and %date:yyyy-MM-dd%.",
                ),
                io.Boolean.Input(
                    "crop",
                    default=False,
                    optional=True,
                    tooltip="Also save each object cropped to itself, beside the full frame.",
                ),
            ],
            outputs=[
                io.String.Output("report", tooltip="JSON: each object with its files, box, area and COCO mask (RLE)."),
            ],
        )

    @classmethod
    def execute(cls, layers: Tensor, filename_prefix: str, objects: str = "", crop: bool = False) -> io.NodeOutput:
        layers = check_image(layers, "layers")
        if layers.shape[-1] != 4:
            raise ShapeError(
                f"layers has shape {tuple(layers.shape)}, without alpha: connect 'layers' of 'Cut Out Every Object'."
            )
        count, height, width = layers.shape[:3]
        told = _told(objects, count)
        files = OutputFiles(filename_prefix, width, height)
        texts = graph_texts(cls)
        step = progress_callback(count)
        entries = []
        for index in range(count):
            entries.append(_save(layers[index], index, told[index], files, texts, crop))
            step(index + 1)
        sheet = encode.jpeg(object_sheet(layers, [str(entry["label"]) for entry in entries]), _SHEET_BYTES)
        report = {
            "width": int(width),
            "height": int(height),
            "sheet": files.write(0, "sheet.jpg", sheet.data),
            "objects": entries,
        }
        text = report_text(report)
        return io.NodeOutput(text, ui={**shown_report(text), **ui.SavedImages(files.saved).as_dict()})


def _save(
    layer: Tensor, index: int, told: Mapping[str, Any], files: OutputFiles, texts: dict[str, str], crop: bool
) -> dict[str, Any]:
    """Save one layer `[H,W,4]`; its entry in the report. An empty one is saved, too: a number never means another."""
    alpha = encode.to_bytes(layer[..., 3])
    solid = alpha > 127
    box = bounding_box(layer[..., 3]) if solid.any() else Box(0, 0, 0, 0)
    pixels = encode.with_alpha(encode.to_bytes(layer[..., :3]), alpha)
    label = str(told.get("label") or "object")
    name = f"{index + 1:02}_{file_label(label)}"
    entry: dict[str, Any] = {
        "number": index + 1,
        "label": label,
        "score": told.get("score"),
        "bbox": [box.left, box.top, box.right, box.bottom],
        "area": int(solid.sum()),
        "notes": list(told.get("notes") or []),
        "file": files.write(0, f"{name}.png", encode.png(pixels, texts).data),
        "segmentation": rle.encoded(solid),
    }
    if crop:
        part = _tight(pixels)
        entry["crop"] = files.write(0, f"{name}_crop.png", encode.png(part, texts).data)
    return entry


def _tight(pixels: encode.Bytes8) -> encode.Bytes8:
    """What of an RGBA picture is not wholly transparent; one pixel where nothing is."""
    rows, columns = np.flatnonzero(pixels[..., 3].any(axis=1)), np.flatnonzero(pixels[..., 3].any(axis=0))
    if not rows.size:
        return pixels[:1, :1]
    return np.ascontiguousarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _told(text: str, count: int) -> list[Mapping[str, Any]]:
    """What a report says of each of `count` layers. Raises ParameterError where it is about other layers."""
    if not text.strip():
        return [{}] * count
    try:
        entries = json.loads(text)["objects"]
        told = [entry if isinstance(entry, Mapping) else {} for entry in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise ParameterError(
            "objects is no report of 'Cut Out Every Object': connect its report, or nothing."
        ) from error
    if len(told) != count:
        raise ParameterError(
            f"objects tells of {len(told)} objects, and there are {count} layers: connect layers and report of one and "
            "the same 'Cut Out Every Object'."
        )
    return told
