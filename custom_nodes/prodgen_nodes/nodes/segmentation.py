"""Segment Product: the product's matte and its clean colours, with or without a background-removal model."""

from __future__ import annotations

import contextlib
import copy
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..background_removal import ModelFileError, OnnxBackgroundRemoval
from ..imaging.errors import EmptyMaskError, ParameterError, UntrustedCutoutError
from ..imaging.file_alpha import outlines
from ..imaging.hint import fit_hint, painted_over
from ..imaging.product.words import listing_words
from ..imaging.reports import batch_report
from ..imaging.segmentation import TRUSTED, Cutout, from_looks, from_model, from_own_alpha, from_plain_backdrop
from ..imaging.segmentation.birefnet import letterbox, unletterbox
from ..imaging.segmentation.confidence import NOTHING_FOUND, without_advice
from ..imaging.segmentation.cutout import Look, Progress
from ..imaging.segmentation.painted_object import from_painted
from ..imaging.segmentation.parts import Parts
from ..imaging.segmentation.pyramid import averaged, encoded, within
from ..imaging.tensors import (
    check_choice,
    check_mask,
    common_batch,
    is_one_colour,
    item,
    same_size,
    split_alpha,
)
from .background_removal import best, how_to_get_one, identity_of_best, model_input, second, third
from .common import CATEGORY, check_widgets, deliver, optional_mask, output, progress_callback, work_device
from .parts import PARTS
from .segment_anything import see

METHODS = ("auto", "model", "birefnet", "plain_backdrop")
FITS = ("squash", "letterbox")
STEPS = 6
"""Of the progress bar, for each picture; a method that reports more stages waits at the last."""
_IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
"""As torchvision gives them."""


def _normalised(model: Any) -> Any:
    """Core's BiRefNet with the normalisation it was trained with: its config says mean 0 and std 1.

    A copy that shares the weights: the object on the wire stays as it is for other nodes.
    """
    plain = (getattr(model, "image_mean", None), getattr(model, "image_std", None)) == ([0.0] * 3, [1.0] * 3)
    if not plain or getattr(model, "model_type", "") != "birefnet":
        return model
    model = copy.copy(model)
    for name, value in _IMAGENET.items():
        setattr(model, name, value)
    return model


def _model_mask(model: Any, rgb: Tensor, fit: str) -> Tensor:
    """The model's mask `[h,w]` of one picture `[1,H,W,3]`, at the model's own resolution."""
    if isinstance(model, OnnxBackgroundRemoval):  # how pictures fit it was chosen where it was loaded
        return model.raw(rgb)[0]
    model, side = _normalised(model), int(getattr(model, "image_size", 1024))
    if fit == "letterbox":
        square, box = letterbox(rgb, side)
        mask = check_mask(model.encode_image(square), "the model's mask")
        return unletterbox(mask, box, (box.rows, box.columns))[0]
    size = within(side, rgb.shape[1], rgb.shape[2])
    small = encoded(averaged(rgb[0], size)).unsqueeze(0) if size != tuple(rgb.shape[1:3]) else rgb
    return check_mask(model.encode_image(small), "the model's mask")[0]


@dataclass(frozen=True)
class Choice:
    """What the node was asked for: method, the wired model, how pictures fit it, and which parts are product."""

    method: str
    model: Any
    fit: str
    parts: Parts


def cut_out(
    rgb: Tensor, alpha: Tensor | None, hint: Tensor | None, choice: Choice, step: Progress, device: Any
) -> Cutout:
    """One picture `[H,W,3]` by the asked method, or by the one `auto` finds best."""
    note = ""
    if choice.method == "auto" and alpha is not None and hint is None:
        hint = painted_over(alpha, rgb)
        if hint is not None:
            note = "the area painted in the mask editor says what is product"
        else:
            own, note = outlines(alpha)
            if own:
                return _by_alpha(rgb, alpha, choice, step, device)
            note = "" if float(alpha.min()) > 0.5 else note
    photo, rough = rgb.to(device), None if hint is None else hint.to(device)
    if rough is None and is_one_colour(photo):  # where a network would look for a minute, and see things
        cut = from_plain_backdrop(photo, None, step, choice.parts)
        return cut.doubted(
            0.0, f"{note}, and one colour throughout" if note else "the picture is one colour throughout"
        )
    model = choice.model
    if model is None and choice.method in ("auto", "model"):
        model = best()
    if choice.method == "auto" and rough is None and _is_slow(model, device):
        cut = _quickly(rgb, choice, step, device)
        if cut.confidence >= TRUSTED:
            return cut.noted(note)
    if choice.method == "plain_backdrop" or model is None:
        cut = from_plain_backdrop(photo, rough, step, choice.parts)
        if choice.method == "auto":
            cut.report["why"] = "no background-removal model is installed, so the backdrop itself is modelled"
            if rough is not None and cut.confidence < TRUSTED:  # a backdrop that cannot be modelled: the hint alone
                cut = from_model(photo, None, rough, step, choice.parts)
                cut.report["why"] = "a painted hint says what is product, the picture where it ends"
    else:
        cut = _by_model(model, rgb, rough, choice, step, device)
    return cut.noted(note)


def _by_alpha(rgb: Tensor, alpha: Tensor, choice: Choice, step: Progress, device: Any) -> Cutout:
    """One picture `[H,W,3]` by its file's own `alpha` `[H,W]`; where that may only crop the photo, a model looks."""
    model = best() if choice.model is None or _is_slow(choice.model, device) else choice.model
    look = None if model is None else _look(model, rgb, choice, device)
    cut = from_own_alpha(rgb.to(device), alpha.to(device), look, step, choice.parts)
    if cut.report["method"] == "model":
        cut.report["model"] = getattr(model, "name", "birefnet")
    return cut


def _is_slow(model: Any, device: Any) -> bool:
    """Whether it takes a minute: core's BiRefNet without a GPU."""
    return device.type == "cpu" and not isinstance(model, OnnxBackgroundRemoval | None)


def _quickly(rgb: Tensor, choice: Choice, step: Progress, device: Any) -> Cutout:
    """One picture `[H,W,3]` by the best installed network, or where there is none by its plain backdrop."""
    quick = best()
    if quick is not None:
        cut = _by_model(quick, rgb, None, choice, step, device)
        cut.report["why"] = "a quicker model is certain of it, so the wired one, a minute's work here, was not needed"
    else:
        cut = from_plain_backdrop(rgb.to(device), None, step, choice.parts)
        cut.report["why"] = "the backdrop is plain enough to be modelled exactly, so the model was not needed"
    return cut


def _look(model: Any, rgb: Tensor, choice: Choice, device: Any) -> Look:
    """What the model sees in a picture that is as `rgb` `[H,W,3]` is."""
    return lambda picture: _model_mask(model, picture.to(rgb.device), choice.fit).to(device)


def _witness(find: Callable[[], OnnxBackgroundRemoval | None], rgb: Tensor, choice: Choice, device: Any) -> Look:
    """The same of another installed model, found when it is asked for the first time. One that is damaged, or not
    there, sees nothing: it only helps."""

    def look(picture: Tensor) -> Tensor:
        try:
            if (model := find()) is not None:
                return _look(model, rgb, choice, device)(picture)
        except ModelFileError as error:
            logging.warning("%s It is not asked.", error)
        return picture.new_zeros(picture.shape[1:3])

    return look


def _by_model(model: Any, rgb: Tensor, rough: Tensor | None, choice: Choice, step: Progress, device: Any) -> Cutout:
    """One picture `[H,W,3]` by a model: alone, or beside a rough hint that decides what is product."""
    photo, look = rgb.to(device), _look(model, rgb, choice, device)
    if rough is None:
        # A model that somebody wired decides alone.
        other, one_more = (_witness(find, rgb, choice, device) for find in (second, third))
        witnesses = (other, one_more, see) if choice.model is None else ()
        cut = from_looks(photo, look, step, choice.parts, *witnesses)
    else:
        seen = see(photo.unsqueeze(0)) if choice.model is None else None
        cut = from_painted(photo, look(photo.unsqueeze(0)), rough, seen, step, choice.parts)
    cut.report["model"] = getattr(model, "name", "birefnet")
    if choice.method == "birefnet":
        cut.report["method"] = "birefnet"
    return cut


def _floored(confidence: float) -> float:
    """To two digits and never up: .499 is not the .50 that was needed."""
    return math.floor(100 * confidence) / 100


def refusal(cut: Cutout, method: str, index: int, pictures: int, minimum: float) -> UntrustedCutoutError:
    which = f"picture {index + 1} of {pictures}: " if pictures > 1 else ""
    reasons = "; ".join(cut.report["reasons"]) or "the outline is not clear"
    unlooked = method == "plain_backdrop"
    better = "" if unlooked or cut.report.get("model") else f" A background-removal model helps. {how_to_get_one()}"
    canvas, command = ("; or method auto", "; or --set cutout=auto") if unlooked else ("", "")
    reasons, on_canvas, on_command_line = without_advice(reasons)
    guess = (" To take the guess: min_confidence 0.", " To take the guess: --set cutout_confidence=0.")
    if NOTHING_FOUND in cut.report["reasons"]:
        guess = ("", "")
    canvas, command = canvas + on_canvas, command + on_command_line
    found = f"confidence {_floored(cut.confidence):.2f}, needed {minimum:.2f}"
    return UntrustedCutoutError(
        f"{which}the product could not be cut out reliably ({found}): {reasons}.",
        advice=f"a plain backdrop of another colour, with some room around the product.{better}",
        canvas="paint roughly over the product in the mask editor of the node that loads the photo, or connect such a "
        f"mask to hint{canvas}.{guess[0]}",
        command=f"give a rough mask with the product in white: --set hint=FILE{command}.{guess[1]}",
    )


class ProdgenSegmentProduct(io.ComfyNode):
    """The product cut out of its photo."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenSegmentProduct",
            display_name="Segment Product (BiRefNet)",
            category=CATEGORY,
            description=(
                "Cuts a product out of its photo: a soft matte and the product's own colours, free of the old "
                "backdrop. A background-removal model says what is product, the photo's own edges where it ends. Says "
                "how far the result can be trusted, and refuses a guess."
            ),
            has_intermediate_output=True,
            search_aliases=[
                "remove background",
                "cut out",
                "cutout",
                "matting",
                "alpha",
                "birefnet",
                "isnet",
                "u2net",
                "rembg",
                "mask product",
            ],
            inputs=[
                io.Image.Input("image", tooltip="The product photo. A fourth (alpha) channel is used if it has one."),
                model_input(),
                io.Mask.Input(
                    "hint",
                    optional=True,
                    tooltip="A rough mask, 1 = product: it alone decides what is product, the picture where that ends. "
                    "A smaller copy of the photo's size will do. Painting over the product in the mask editor of 'Load "
                    "Image' does the same.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="auto",
                    tooltip="auto: the file's own cut-out, else a model (wired, or the best installed), else the "
                    "modelled backdrop. model: always a model. birefnet: always the wired one. plain_backdrop: "
                    "never a model.",
                ),
                io.Mask.Input(
                    "transparency",
                    optional=True,
                    tooltip="The mask output of 'Load Image' (1 = transparent): a photo that is already cut out keeps "
                    "its own alpha.",
                ),
                io.Float.Input(
                    "min_confidence",
                    default=0.5,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    optional=True,
                    advanced=True,
                    tooltip="Below this confidence the node refuses and says why. 0 = always return the guess.",
                ),
                io.Combo.Input(
                    "parts",
                    options=list(PARTS),
                    default="auto",
                    optional=True,
                    advanced=True,
                    tooltip="Which separate parts are product. auto: the largest and others of like size (a pair, a "
                    "set); small things far away (a logo, a date, a card) are left out and named in the report. all: "
                    "everything. largest: one thing only.",
                ),
                io.Combo.Input(
                    "fit",
                    options=list(FITS),
                    default="squash",
                    optional=True,
                    advanced=True,
                    tooltip="How a picture becomes BiRefNet's square. squash: as it was trained. letterbox: its "
                    "proportions are kept. (ONNX models: set it on their loader.)",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="product", tooltip="The product's colours; no old backdrop at its edge."),
                io.Mask.Output(display_name="mask", tooltip="1 = product, soft at the edge."),
                io.String.Output(display_name="report", tooltip="JSON: method, why, confidence, reasons, bbox, ..."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, method: str = "auto", **_: Any) -> str:
        """A model that was installed, replaced or removed since the last run makes another cut-out."""
        return identity_of_best(method)

    @classmethod
    def execute(
        cls,
        image: Tensor,
        method: str = "auto",
        bg_removal_model: Any = None,
        hint: Tensor | None = None,
        transparency: Tensor | None = None,
        min_confidence: float = 0.5,
        parts: Parts = "auto",
        fit: str = "squash",
    ) -> io.NodeOutput:
        for name, value, choices in (("method", method, METHODS), ("parts", parts, PARTS), ("fit", fit, FITS)):
            check_choice(value, choices, name)
        if method == "birefnet" and bg_removal_model is None:
            raise ParameterError(
                "method is birefnet but no model is connected.",
                advice="choose auto.",
                canvas="add 'Load Background Removal Model' with birefnet.safetensors.",
                command="use packshot_birefnet or cutout_birefnet.",
            )
        if method == "model" and bg_removal_model is None and best() is None:
            raise ParameterError("method is model, but none is connected or installed.", advice=how_to_get_one())
        choice = Choice(method, bg_removal_model, fit, parts)
        check_widgets(cls, min_confidence=min_confidence)
        rgb, alpha, hint, batch = photos_of(image, transparency, hint)
        step = progress_callback(STEPS * batch)
        device = work_device()
        products, mattes, reports = [], [], []
        for index in range(batch):
            advance = stages(step, index, batch)
            own = None if alpha is None else item(alpha, index)
            rough = None if hint is None else item(hint, index)
            cut = cut_out(item(rgb, index), own, rough, choice, advance, device)
            if cut.confidence < min_confidence:
                raise refusal(cut, method, index, batch, min_confidence)
            with contextlib.suppress(EmptyMaskError):
                cut.report["listing"] = listing_words(cut.product, cut.alpha)
            products.append(cut.product.to(rgb.device))
            mattes.append(cut.alpha.to(rgb.device))
            reports.append(cut.report)
            step(STEPS * (index + 1))
        product, mask = deliver(_stack(products), _stack(mattes))
        report = batch_report(reports, confidence=min(entry["confidence"] for entry in reports)) | {"pictures": batch}
        return output(product, mask, report=report, preview=_preview(product, mask), cls=cls)


def photos_of(
    image: Tensor, transparency: Tensor | None, hint: Tensor | None = None
) -> tuple[Tensor, Tensor | None, Tensor | None, int]:
    """A node's picture inputs as the maths takes them: colours `[B,H,W,3]`, the files' own alpha `[B,H,W]` or None, the
    hint likewise, and how many pictures they are. Raises ShapeError where sizes do not fit."""
    rgb, alpha = split_alpha(image)
    rgb = torch.nan_to_num(rgb).clamp(0.0, 1.0)
    masks = {"image": rgb}
    hint, transparency = optional_mask(hint, rgb), optional_mask(transparency, rgb)
    if hint is not None:
        masks["hint"] = hint = fit_hint(check_mask(hint, "hint"), rgb.shape[1], rgb.shape[2])
    if transparency is not None:
        masks["transparency"] = transparency = check_mask(transparency, "transparency")
        alpha = 1.0 - transparency if alpha is None else alpha
    same_size(**masks)
    return rgb, alpha, hint, common_batch(**masks)


def stages(step: Progress, index: int, pictures: int) -> Progress:
    """What moves the progress bar (`step`) by so many of the stages of the `index`-th of `pictures`."""
    done = [STEPS * index]

    def advance(count: int) -> None:
        done[0] = min(done[0] + count, STEPS * pictures)
        step(done[0])

    return advance


def _stack(pictures: list[Tensor]) -> Tensor:
    """A batch of pictures; a single large one is not copied."""
    return pictures[0].unsqueeze(0) if len(pictures) == 1 else torch.stack(pictures)


def _preview(product: Tensor, mask: Tensor) -> Tensor:
    """The first products on a checkerboard, at most 512 px."""
    stride = max(1, -(-max(mask.shape[1:]) // 512))
    small, alpha = product[:4, ::stride, ::stride], mask[:4, ::stride, ::stride].unsqueeze(-1)
    rows = torch.arange(small.shape[1], device=small.device) // 16
    columns = torch.arange(small.shape[2], device=small.device) // 16
    checker = 0.75 + 0.2 * ((rows[:, None] + columns[None, :]) % 2).float()
    return small * alpha + checker.unsqueeze(-1) * (1.0 - alpha)
