"""Require Product: only pictures that hold the product go on, with where it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker
from torch import Tensor

from ..imaging.errors import EmptyMaskError, ParameterError
from ..imaging.likeness import (
    FOUND,
    PRESETS,
    UNSURE,
    Likeness,
    Limits,
    Looks,
    Sighting,
    compare,
    judged,
    limits_of,
    looks_of,
)
from ..imaging.objects import Thing, labels_of, separate
from ..imaging.reports import batch_report
from ..imaging.segmentation.cutout import Progress
from ..imaging.tensors import check_choice, check_image, item
from .background_removal import identity_of_best
from .common import CATEGORY, check_widgets, deliver, optional_mask, output, progress_callback, work_device
from .hands.wires import boxed
from .sam3 import from_sam3
from .segmentation import STEPS, Choice, cut_out, photos_of, stages

MISSING = ("skip", "pass", "stop")
_NOTHING_TO_GO_BY = (
    "nothing says what {product} looks like: a name alone can be judged by SAM 3 only. Give a photo of your own "
    "product as reference (on the command line --reference bag.jpg), or SAM 3 (--sam3), or both."
)
_DOUBTFUL = 0.5
"""Confidence of a cut-out below which a product may be in the picture without having been seen."""


class ProdgenRequireProduct(io.ComfyNode):
    """Finds the product in pictures; those without it go no further."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenRequireProduct",
            display_name="Require Product",
            category=CATEGORY,
            description=(
                "Says whether a picture holds the product, where, and how sure that is. With SAM 3 by its name; with a "
                "photo of your own product by its colours and shape; with both, it must be that very one. What is not "
                "found goes no further."
            ),
            has_intermediate_output=True,
            search_aliases=["product filter", "find product", "contains", "gate", "sam3", "grounding dino", "clip"],
            inputs=[
                io.Image.Input("image", tooltip="The picture."),
                io.String.Input("product", default="", tooltip="What to look for, like: hand bag, shoe."),
                io.Combo.Input(
                    "if_missing",
                    options=list(MISSING),
                    default="skip",
                    tooltip="What happens with a picture that does not surely hold it. skip: nothing that image, mask "
                    "or masks lead to is run. pass: it goes on with an empty mask. stop: an error.",
                ),
                io.Image.Input(
                    "reference", optional=True, tooltip="Your own product: of 'Load Reference Photo', or any cut-out."
                ),
                io.Mask.Input("reference_mask", optional=True, tooltip="Where it is in the reference (1)."),
                io.Model.Input("sam3_model", optional=True, tooltip="From 'Load SAM 3 (optional)'."),
                io.Clip.Input("sam3_clip", optional=True, tooltip="From the same 'Load SAM 3 (optional)'."),
                io.String.Input(
                    "rivals",
                    default="",
                    optional=True,
                    tooltip="With SAM 3: what is easily taken for it, like: empty table, hand. What fits a rival "
                    "better is no find.",
                ),
                io.Combo.Input(
                    "preset",
                    options=list(PRESETS),
                    default="careful",
                    optional=True,
                    tooltip="careful: found from 0.5, unsure from 0.25, any size. original: the limits of the filter "
                    "that this replaces: 0.85, a quarter of the picture, the ten largest.",
                ),
                io.Float.Input(
                    "min_score",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    optional=True,
                    tooltip="Found from this score; 0 = the preset's.",
                ),
                io.Float.Input(
                    "min_area",
                    default=0.0,
                    min=0.0,
                    max=1.0,
                    step=0.001,
                    optional=True,
                    tooltip="The least area of the product as a share of the picture; 0 = the preset's.",
                ),
                io.BackgroundRemoval.Input(
                    "bg_removal_model",
                    optional=True,
                    tooltip="Without SAM 3: what finds the objects. Without it, the best one installed.",
                ),
                io.Mask.Input(
                    "transparency", optional=True, tooltip="The mask output of 'Load Image' (1 = transparent)."
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image", tooltip="The pictures that hold the product."),
                io.Mask.Output(display_name="mask", tooltip="Where it is in each (1)."),
                io.Mask.Output(display_name="masks", tooltip="One mask a find, the best first."),
                io.BoundingBox.Output(display_name="boxes", tooltip="A list a picture: x, y, width, height, score."),
                io.Boolean.Output(display_name="found", tooltip="Whether any picture holds it."),
                io.String.Output(display_name="verdict", tooltip="found, not found or unsure, and why: a line each."),
                io.String.Output(display_name="report", tooltip="JSON: verdict, reasons, objects with scores, ..."),
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
        product: str,
        if_missing: str,
        reference: Tensor | None = None,
        reference_mask: Tensor | None = None,
        sam3_model: Any = None,
        sam3_clip: Any = None,
        rivals: str = "",
        preset: str = "careful",
        min_score: float = 0.0,
        min_area: float = 0.0,
        bg_removal_model: Any = None,
        transparency: Tensor | None = None,
    ) -> io.NodeOutput:
        check_choice(if_missing, MISSING, "if_missing")
        check_widgets(cls, min_score=min_score, min_area=min_area)
        names = labels_of(product) or ["product"]
        if sam3_model is None and reference is None:
            raise ParameterError(_NOTHING_TO_GO_BY.format(product=" or ".join(names)))
        asked = _Asked(
            names,
            labels_of(rivals),
            limits_of(preset, min_score, min_area),
            [] if reference is None else _looks(reference, reference_mask),
            sam3_model,
            sam3_clip,
            Choice("auto", bg_removal_model, "squash", "all"),
        )
        rgb, alpha, _, batch = photos_of(image, transparency)
        step = progress_callback(STEPS * batch)
        seen = []
        for index in range(batch):
            own = None if alpha is None else item(alpha, index)
            seen.append(_seen(item(rgb, index), own, asked, stages(step, index, batch)))
            step(STEPS * (index + 1))
        return _answer(cls, rgb, seen, asked, if_missing)


@dataclass(frozen=True)
class _Asked:
    """What is looked for, and with what."""

    names: list[str]
    rivals: list[str]
    limits: Limits
    references: list[Looks]
    sam3_model: Any
    sam3_clip: Any
    choice: Choice


@dataclass(frozen=True, eq=False)
class _Seen:
    """What was found in one picture: the `finds` that its verdict rests on, of all that were looked at."""

    verdict: str
    finds: list[Sighting]
    looked_at: list[Sighting]
    why: str
    method: str
    notes: list[str]


def _looks(reference: Tensor, mask: Tensor | None) -> list[Looks]:
    """Of each product of the reference, which may show it from several sides."""
    reference = check_image(reference, "reference")
    mask = optional_mask(mask, reference)
    if mask is None and reference.shape[-1] == 4:
        mask = reference[..., 3]
    if mask is None:
        raise ParameterError(
            "the reference has no mask: connect both outputs of 'Load Reference Photo' or of 'Segment Product'."
        )
    return [looks_of(item(reference, index), item(mask, index)) for index in range(reference.shape[0])]


def _seen(picture: Tensor, alpha: Tensor | None, asked: _Asked, advance: Progress) -> _Seen:
    device = work_device()
    doubt = ""
    notes: list[str]
    if asked.sam3_model is not None:
        objects, report = from_sam3(
            asked.sam3_model,
            asked.sam3_clip,
            picture.to(device),
            [*asked.names, *asked.rivals],
            asked.limits.unsure_from,
            asked.limits.min_area,
            advance,
        )
        things = [thing for thing in objects.things if thing.label in asked.names]
        lost = {f"no {rival} was found" for rival in asked.rivals}
        method, notes = "sam3", [note for note in report["notes"] if note not in lost]
    else:
        cut = cut_out(picture, alpha, None, asked.choice, advance, device)
        objects = separate(cut.alpha, max(asked.limits.min_area, 1e-5))
        things = [replace(thing, label=asked.names[0], colours=cut.product) for thing in objects.things]
        method, notes = "likeness", []
        if cut.confidence < _DOUBTFUL:
            reasons = "; ".join(cut.report["reasons"]) or "the outlines are not clear"
            doubt = f"what is in the picture could not be told apart well: {reasons}"
    sightings = [_sighting(thing, picture, asked) for thing in things]
    verdict, finds = judged(sightings, asked.limits, doubt)
    return _Seen(verdict, finds, sightings, _why(verdict, finds, sightings, asked, doubt), method, notes)


def _sighting(thing: Thing, picture: Tensor, asked: _Asked) -> Sighting:
    """How sure it is that this is the product: SAM 3's score, the likeness to the reference, or the lower of both."""
    by_name = thing.score if asked.sam3_model is not None else 1.0
    if not asked.references:
        return Sighting(thing, by_name)
    try:
        looks = looks_of(picture if thing.colours is None else thing.colours, thing.mask)
    except EmptyMaskError:
        return Sighting(thing, 0.0)
    best: Likeness = max((compare(one, looks) for one in asked.references), key=lambda likeness: likeness.score)
    return Sighting(thing, min(by_name, best.score), best)


def _why(verdict: str, finds: list[Sighting], all_of_them: list[Sighting], asked: _Asked, doubt: str) -> str:
    """One line for a person."""
    if finds:
        named = ", ".join(f"{one.thing.label} {one.score:.2f}" for one in finds)
        least = f"; found from {asked.limits.found_from:g} on" if verdict == UNSURE else ""
        different = finds[0].likeness.differs if verdict == UNSURE and finds[0].likeness is not None else ""
        return f"{verdict}: {named}{least}{f'; {different}' if different else ''}"
    if doubt:
        return f"{verdict}: {doubt}"
    what = " or ".join(asked.names)
    if not all_of_them:
        return f"{verdict}: there is nothing in the picture that could be {what}"
    best = max(all_of_them, key=lambda one: one.score)
    different = best.likeness.differs if best.likeness is not None else ""
    least = f"; found from {asked.limits.found_from:g} on"
    return f"{verdict}: the likest thing reaches {best.score:.2f}{least}{f'; {different}' if different else ''}"


def _answer(cls: type[io.ComfyNode], rgb: Tensor, seen: list[_Seen], asked: _Asked, if_missing: str) -> io.NodeOutput:
    holds = [one.verdict == FOUND for one in seen]
    lines = [one.why for one in seen]
    if if_missing == "stop" and not all(holds):
        raise EmptyMaskError("; ".join(line for line, holds_here in zip(lines, holds, strict=True) if not holds_here))
    union = torch.stack([_union(one, rgb) for one in seen])
    kept = (
        list(range(len(seen)))
        if if_missing == "pass"
        else [index for index, holds_here in enumerate(holds) if holds_here]
    )
    stack = [find.thing.mask.to(rgb.device) for one in seen if one.verdict == FOUND for find in one.finds]
    reports = [_report(one, asked, index + 1, rgb) for index, one in enumerate(seen)]
    together = batch_report(reports)
    together["objects"] = [entry for one in reports for entry in one["objects"]]
    boxes = [[_box(entry) for entry in one["objects"] if entry["verdict"] == FOUND] for one in reports]
    if kept:
        image, mask = deliver(rgb[kept], union[kept])
        masks = deliver(torch.stack(stack))[0] if stack else torch.zeros_like(mask)
    else:
        image = mask = masks = ExecutionBlocker(None)
    first = seen[0]
    places = [(_corners(find.thing), first.verdict == FOUND) for find in first.finds]
    preview = boxed(rgb[0].cpu(), places).unsqueeze(0)
    verdicts = "\n".join(lines)
    return output(image, mask, masks, boxes, any(holds), verdicts, report=together, preview=preview, cls=cls)


def _union(one: _Seen, rgb: Tensor) -> Tensor:
    mask = rgb.new_zeros(rgb.shape[1:3])
    for find in one.finds if one.verdict == FOUND else ():
        mask = torch.maximum(mask, find.thing.mask.to(mask))
    return mask


def _corners(thing: Thing) -> tuple[float, float, float, float]:
    box = thing.box
    return float(box.left), float(box.top), float(box.right), float(box.bottom)


def _report(one: _Seen, asked: _Asked, number: int, rgb: Tensor) -> dict[str, Any]:
    ranked = sorted(one.looked_at, key=lambda find: -find.score)
    return {
        "passed": one.verdict == FOUND,
        "reasons": [] if one.verdict == FOUND else [one.why],
        "verdict": one.verdict,
        "why": one.why,
        "product": ", ".join(asked.names),
        "method": one.method + (" and likeness" if one.method == "sam3" and asked.references else ""),
        "found_from": asked.limits.found_from,
        "unsure_from": asked.limits.unsure_from,
        "width": int(rgb.shape[2]),
        "height": int(rgb.shape[1]),
        "objects": [_entry(find, asked.limits, number) for find in ranked],
        "notes": one.notes,
    }


def _entry(find: Sighting, limits: Limits, number: int) -> dict[str, Any]:
    left, top, right, bottom = (int(edge) for edge in _corners(find.thing))
    entry: dict[str, Any] = {
        "label": find.thing.label,
        "score": round(find.score, 4),
        "verdict": find.verdict(limits),
        "bbox": [left, top, right, bottom],
        "area": find.thing.area,
        "picture": number,
    }
    if find.likeness is not None:
        entry["likeness"] = find.likeness.as_dict()
    return entry


def _box(entry: dict[str, Any]) -> dict[str, Any]:
    left, top, right, bottom = entry["bbox"]
    size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {**size, "label": entry["label"], "score": entry["score"]}
