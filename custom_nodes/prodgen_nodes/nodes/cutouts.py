"""Cut Out Every Object: one full-frame layer for each object of a picture, where it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.errors import EmptyMaskError, ParameterError
from ..imaging.objects import OVERLAPS, Objects, Thing, labels_of, separate, shared_out
from ..imaging.reports import batch_report
from ..imaging.segmentation import Cutout
from ..imaging.segmentation.confidence import AS_A_SET
from ..imaging.segmentation.cutout import Progress
from ..imaging.tensors import check_choice, item
from .background_removal import identity_of_best, model_input
from .common import CATEGORY, check_widgets, deliver, output, progress_callback, work_device
from .sam3 import from_sam3
from .segmentation import STEPS, Choice, cut_out, photos_of, refusal, stages

METHODS = ("auto", "model", "plain_backdrop")
_UNTOLD = (
    "only SAM 3 can tell which object is which of several labels; without it all are called object, and all are cut out"
)
_LAYERS_GB = 12.0
"""The most that the layers of one picture may take in memory: 40 objects of a 20-megapixel photo."""


class ProdgenCutouts(io.ComfyNode):
    """Every object of a picture as a layer of its own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenCutouts",
            display_name="Cut Out Every Object",
            category=CATEGORY,
            description=(
                "Finds every object of a picture and gives each a transparent layer of its own, as large as the "
                "picture, the object where it stands, its edge colours free of the old backdrop. Objects that touch "
                "are one, with a note. With SAM 3 connected, objects are found by their names."
            ),
            has_intermediate_output=True,
            search_aliases=["all objects", "instances", "instance segmentation", "layers", "sam3", "coco", "cutouts"],
            inputs=[
                io.Image.Input("image", tooltip="The picture. A fourth (alpha) channel is used if it has one."),
                io.String.Input(
                    "labels",
                    default="",
                    tooltip="What to look for, like: bag, shoe. With SAM 3 only these are found, each under its name. "
                    "Without it every object is found; a single label is what all are called.",
                ),
                io.Combo.Input(
                    "overlap",
                    options=list(OVERLAPS),
                    default="keep",
                    tooltip="Pixels that two objects claim. keep: both have them. split: the one that covers them "
                    "more has them, so that no pixel is in two layers.",
                ),
                model_input(),
                io.Model.Input(
                    "sam3_model",
                    optional=True,
                    tooltip="SAM 3, from 'Load Checkpoint'. It finds the labels' objects, also such that overlap.",
                ),
                io.Clip.Input("sam3_clip", optional=True, tooltip="The CLIP output of the same 'Load Checkpoint'."),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="auto",
                    optional=True,
                    tooltip="How product and backdrop are told apart, as in 'Segment Product': auto, model (always a "
                    "network) or plain_backdrop (never one). Without meaning where SAM 3 is connected.",
                ),
                io.Mask.Input(
                    "transparency",
                    optional=True,
                    tooltip="The mask output of 'Load Image' (1 = transparent): a picture that is already cut out "
                    "keeps its own alpha.",
                ),
                io.Float.Input(
                    "min_area",
                    default=0.001,
                    min=0.00001,
                    max=0.5,
                    step=0.0001,
                    optional=True,
                    tooltip="The least area of an object as a share of the picture; what is smaller is a speck.",
                ),
                io.Float.Input(
                    "min_confidence",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    tooltip="Below this confidence a picture is refused, with the reason; with SAM 3 an object's least "
                    "score. 0 = always return the guess.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="layers", tooltip="One RGBA picture per object, as large as the picture."),
                io.Mask.Output(display_name="masks", tooltip="One mask per object (1 = object), soft at the edge."),
                io.BoundingBox.Output(
                    display_name="boxes", tooltip="One list per picture: x, y, width, height, label and score."
                ),
                io.String.Output(display_name="labels", tooltip="What each object is called, a line each."),
                io.Float.Output(display_name="scores", is_output_list=True, tooltip="How sure each object is, 0 to 1."),
                io.String.Output(
                    display_name="report", tooltip="JSON: objects with label, score, bbox, area, picture; notes, ..."
                ),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, method: str = "auto", **_: Any) -> str:
        """A model that was installed, replaced or removed since the last run makes other cut-outs."""
        return identity_of_best(method)

    @classmethod
    def execute(
        cls,
        image: Tensor,
        labels: str,
        overlap: str,
        bg_removal_model: Any = None,
        sam3_model: Any = None,
        sam3_clip: Any = None,
        method: str = "auto",
        transparency: Tensor | None = None,
        min_area: float = 0.001,
        min_confidence: float = 0.5,
    ) -> io.NodeOutput:
        for name, value, choices in (("method", method, METHODS), ("overlap", overlap, OVERLAPS)):
            check_choice(value, choices, name)
        check_widgets(cls, min_area=min_area, min_confidence=min_confidence)
        rgb, alpha, _, batch = photos_of(image, transparency)
        asked = _Asked(
            Choice(method, bg_removal_model, "squash", "all"),
            sam3_model,
            sam3_clip,
            labels_of(labels),
            overlap,
            min_area,
            min_confidence,
        )
        step = progress_callback(STEPS * batch)
        pairs: list[tuple[Tensor, Thing]] = []
        reports: list[dict[str, Any]] = []
        for index in range(batch):
            own = None if alpha is None else item(alpha, index)
            picture = item(rgb, index)
            things, report = _objects_of(picture, own, asked, index, batch, stages(step, index, batch))
            pairs += [(picture, thing) for thing in things]
            reports.append(report)
            step(STEPS * (index + 1))
        layers = _layers(pairs)
        stacked, mask = deliver(layers, layers[..., 3].clone())
        together = batch_report(reports)
        together["objects"] = objects = [entry for one in reports for entry in one["objects"]]
        boxes = [[_box(entry) for entry in one["objects"]] for one in reports]
        names = "\n".join(entry["label"] for entry in objects)
        scores = [entry["score"] for entry in objects]
        return output(stacked, mask, boxes, names, scores, report=together, preview=_preview(stacked), cls=cls)


@dataclass(frozen=True)
class _Asked:
    """What the node was asked for."""

    choice: Choice
    sam3_model: Any
    sam3_clip: Any
    labels: list[str]
    overlap: str
    min_area: float
    min_confidence: float


def _objects_of(
    picture: Tensor, alpha: Tensor | None, asked: _Asked, index: int, batch: int, advance: Progress
) -> tuple[list[Thing], dict[str, Any]]:
    """The objects of the `index`-th picture `[H,W,3]` of a batch, and its report. Refuses a guess, and a picture that
    has no object or too many."""
    device = work_device()
    if asked.sam3_model is not None:
        objects, report = from_sam3(
            asked.sam3_model,
            asked.sam3_clip,
            picture.to(device),
            asked.labels,
            asked.min_confidence,
            asked.min_area,
            advance,
        )
    else:
        cut = cut_out(picture, alpha, None, asked.choice, advance, device)
        if cut.confidence < asked.min_confidence:
            raise refusal(cut, asked.choice.method, index, batch, asked.min_confidence)
        objects, report = _from_cutout(cut, asked.labels, asked.min_area)
    things = [thing for thing in shared_out(objects.things, asked.overlap) if thing.area]
    _check_found(things, index, batch, asked.min_area, picture)
    return things, {**report, **_described(things, objects, index + 1, picture)}


def _layers(pairs: list[tuple[Tensor, Thing]]) -> Tensor:
    """RGBA `[N,H,W,4]` of objects, each with its picture. Filled in place: a copy of all would be gigabytes."""
    height, width = pairs[0][0].shape[:2]
    layers = pairs[0][0].new_empty((len(pairs), height, width, 4))
    for layer, (picture, thing) in zip(layers, pairs, strict=True):
        layer[..., :3] = picture if thing.colours is None else thing.colours
        layer[..., 3] = thing.mask
    return layers


def _from_cutout(cut: Cutout, asked: list[str], min_area: float) -> tuple[Objects, dict[str, Any]]:
    """The objects of a cut-out of everything, and what its report says that holds for all of them."""
    objects = separate(cut.alpha, min_area, cut.product)
    label = asked[0] if len(asked) == 1 else "object"
    things = [
        replace(thing, label=label, score=thing.score * cut.confidence, colours=cut.product) for thing in objects.things
    ]
    own_notes = [note for note in cut.report["notes"] if not note.endswith(AS_A_SET)]
    notes = [*own_notes, *objects.notes, *([_UNTOLD] if len(asked) > 1 else [])]
    facts: dict[str, Any] = {
        name: cut.report[name] for name in ("method", "why", "model", "confidence", "reasons") if name in cut.report
    }
    return replace(objects, things=things), {**facts, "notes": notes}


def _check_found(things: list[Thing], index: int, batch: int, min_area: float, picture: Tensor) -> None:
    """Refuse a picture without objects, and one with so many that its layers would fill the memory."""
    which = f"picture {index + 1} of {batch}: " if batch > 1 else ""
    if not things:
        raise EmptyMaskError(
            f"{which}no object was found that covers at least {100 * min_area:.3g} % of the picture.",
            advice="other labels; or is it a picture of nothing?",
            canvas="a smaller min_area.",
            command="a smaller --min-area.",
        )
    height, width = picture.shape[:2]
    if len(things) * height * width * 16 > _LAYERS_GB * 1e9:
        raise ParameterError(
            f"{which}{len(things)} objects of {width}×{height} pixels do not fit into memory as layers.",
            advice="a smaller picture.",
            canvas="a larger min_area.",
            command="a larger --min-area.",
        )


def _described(things: list[Thing], separated: Objects, number: int, picture: Tensor) -> dict[str, Any]:
    objects = []
    for thing in things:
        box = thing.box
        objects.append(
            {
                "label": thing.label,
                "score": round(thing.score, 4),
                "bbox": [box.left, box.top, box.right, box.bottom],
                "area": thing.area,
                "picture": number,
                "notes": list(thing.notes),
            }
        )
    size = {"width": int(picture.shape[1]), "height": int(picture.shape[0])}
    return {**size, "objects": objects, "specks": separated.specks}


def _box(entry: dict[str, Any]) -> dict[str, Any]:
    left, top, right, bottom = entry["bbox"]
    size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {**size, "label": entry["label"], "score": entry["score"]}


def _preview(layers: Tensor) -> Tensor:
    """The first layers on grey, reduced."""
    step = max(1, -(-max(layers.shape[1:3]) // 512))
    small = layers[:4, ::step, ::step]
    return small[..., :3] * small[..., 3:] + 0.6 * (1.0 - small[..., 3:])
