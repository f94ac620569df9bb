"""Export for Marketplace: the finished PNG and JPEG, and one pass/fail line per rule of the shop."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from comfy_api.latest import io, ui
from torch import Tensor

from ..imaging import encode
from ..imaging.channels import OURS, RECHECK_NOTE, Channel
from ..imaging.errors import ParameterError
from ..imaging.inspection import Finished, Rule, inspect
from ..imaging.placement import Placement
from ..imaging.tensors import check_mask, common_batch, item, same_size, split_alpha
from .channel import ChannelType
from .common import CATEGORY, PlacementType, optional_mask, progress_callback, report_text, required_mask, shown_report
from .files import OutputFiles, graph_texts

_NO_PHOTO = "connect the report of 'Product Fidelity', and to that node the photo as it was loaded"


@dataclass(frozen=True)
class _Verdict:
    """What Export takes from a report of 'Product Fidelity': its rule, and for each picture where it lacks a piece and
    why that is not known (None: it is)."""

    rules: tuple[Rule, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ((),)
    unchecked: tuple[str | None, ...] = (_NO_PHOTO,)

    def of(self, index: int) -> tuple[tuple[str, ...], str | None]:
        """`missing` and `unchecked` of one picture; the last report serves all that follow."""
        index = min(index, len(self.missing) - 1)
        return self.missing[index], self.unchecked[index]


def _verdict(text: str | None) -> _Verdict:
    if not text:
        return _Verdict()
    try:
        report = json.loads(text)
        mean = report.get("delta_e00_mean")
        passed = report["passed"] is True and (mean is None or abs(mean) < float("inf"))
        pictures = report.get("pictures") or [report]
        missing = tuple(tuple(map(str, picture.get("missing") or ())) for picture in pictures)
        unchecked = tuple(_unchecked(picture) for picture in pictures)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ParameterError("fidelity is not the report of a 'Product Fidelity' node; connect its report.") from error
    reasons = "; ".join(str(reason) for reason in report.get("reasons") or [])
    measured = f"mean colour difference {mean:.2f} ΔE00" if isinstance(mean, (int, float)) else "measured"
    rule = Rule(
        "product unchanged",
        passed,
        f"{measured}{': ' + reasons if reasons and not passed else ''}",
        "the photo's own product",
    )
    return _Verdict((rule,), missing, unchecked)


def _unchecked(picture: dict[str, Any]) -> str | None:
    """Why the report of one picture does not say whether the product is whole."""
    if picture.get("whole") is not None:
        return None
    return str(picture.get("whole_note") or _NO_PHOTO).removeprefix("not checked: ")


def _together(pictures: list[list[Rule]]) -> list[Rule]:
    """One line per rule for the whole batch: the first failing picture's (a fault before a note), else the first's."""
    lines: list[Rule] = []
    for row in zip(*pictures, strict=True):
        failed = [(number, rule) for number, rule in enumerate(row, 1) if not rule.passed]
        failed.sort(key=lambda entry: entry[1].level != "must")
        if failed and len(pictures) > 1:
            number, rule = failed[0]
            lines.append(Rule(rule.rule, False, f"picture {number}: {rule.measured}", rule.asked, rule.level))
        else:
            lines.append(failed[0][1] if failed else row[0])
    return lines


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
                    max=2400,
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
        mask = check_mask(required_mask(mask, image))
        shadow = optional_mask(shadow, image)
        shapes = {"image": rgb, "mask": mask}
        if shadow is not None:
            shadow = shapes["shadow"] = check_mask(shadow, "shadow")
        common_batch(**shapes)
        height, width = same_size(**shapes)
        verdict = _verdict(fidelity)
        files = OutputFiles(filename_prefix, width, height)
        texts = graph_texts(cls)
        step = progress_callback(len(rgb))
        checked: list[list[Rule]] = []
        written: list[dict[str, Any]] = []
        for index in range(len(rgb)):
            picture, (missing, unchecked) = encode.to_bytes(rgb[index]), verdict.of(index)
            png, jpeg = _encoded(picture, texts, channel, source, dpi)
            done = Finished(
                picture=picture,
                mask=item(mask, index).cpu().numpy(),
                shadow=None if shadow is None else item(shadow, index).cpu().numpy().astype(np.float32),
                png=png,
                jpeg=jpeg,
                scale=None if placement is None else max(placement.transform(index).a, placement.transform(index).d),
                cut_off=placement is not None and _cut_off(placement, index),
                missing=missing,
                unchecked=unchecked,
            )
            checked.append([*inspect(done, channel), *verdict.rules])
            for suffix, coded in ((".jpg", done.jpeg), (".png", done.png)):
                name = files.write(index, suffix, coded.data)
                written.append(
                    {"file": name, "bytes": len(coded.data)} | ({"quality": coded.quality} if coded.quality else {})
                )
            step(index + 1)
        rules = _together(checked)
        report = {
            "channel": channel.name,
            "title": channel.title,
            "passed": all(rule.passed for rule in rules if rule.level == "must"),
            "reasons": [rule.finding for rule in rules if not rule.passed and rule.level == "must"],
            "rules": [rule.text() for rule in rules],
            "checks": {rule.rule: rule.passed for rule in rules},
            "failed": [rule.rule for rule in rules if not rule.passed and rule.level == "must"],
            "sources": {rule.rule: channel.sources.get(rule.rule, OURS) for rule in rules},
            "files": written,
            "note": f"{channel.note} {RECHECK_NOTE}".strip(),
        }
        text = report_text(report)
        shown = {**shown_report(text), **ui.SavedImages(files.saved).as_dict()}
        return io.NodeOutput(image, text, ui=shown)


def _encoded(
    picture: encode.Bytes8, texts: dict[str, str], channel: Channel, source: str, dpi: int
) -> tuple[encode.Encoded, encode.Encoded]:
    """The PNG and the JPEG of a picture, made at the same time: both encoders leave Python free."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        png = pool.submit(encode.png, picture, texts, source, dpi)
        jpeg = encode.jpeg(picture, channel.max_bytes, source, dpi)
        return png.result(), jpeg


def _cut_off(placement: Placement, index: int) -> bool:
    """Whether the product touches the frame of the photo it was cut from: the rest of it was never photographed."""
    box = placement.box(index)
    sides = (box.left <= 0, box.top <= 0, box.right >= placement.product_width, box.bottom >= placement.product_height)
    return any(sides) and not all(sides)
