"""Segment Product: the product's matte and its clean colours, with or without a background-removal model."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..imaging.errors import ParameterError, UntrustedCutoutError
from ..imaging.segmentation import Cutout, from_file_alpha, from_model, from_plain_backdrop
from ..imaging.segmentation.birefnet import letterbox, unletterbox
from ..imaging.tensors import check_mask, check_range, common_batch, item, same_size, split_alpha
from .common import CATEGORY, deliver, optional_mask, output, progress_callback, work_device

METHODS = ("auto", "birefnet", "plain_backdrop")
_TRUSTED = 0.75
_STEPS = 6
_MODEL = "'Load Background Removal Model' (BiRefNet)"
_WITH_MODEL = "packshot_birefnet or cutout_birefnet"


def _model_mask(model: Any, rgb: Tensor) -> Tensor:
    """The model's mask `[H,W]` of one picture `[1,H,W,3]`, its aspect ratio kept."""
    square, box = letterbox(rgb, int(getattr(model, "image_size", 1024)))
    mask = check_mask(model.encode_image(square), "the model's mask")
    return unletterbox(mask, box)[0]


def _cut(
    rgb: Tensor, alpha: Tensor | None, hint: Tensor | None, method: str, model: Any, step: Any, device: Any
) -> Cutout:
    """One picture `[H,W,3]` by the asked method, or by the one `auto` finds best."""
    if method == "auto" and alpha is not None and float(alpha.min()) < 0.5 < float(alpha.max()):
        return from_file_alpha(rgb.to(device), alpha.to(device))
    rough = None if hint is None else hint.to(device)
    if method == "birefnet" or (method == "auto" and model is not None):
        plain = None
        if method == "auto":
            plain = from_plain_backdrop(rgb.to(device), rough, step)
            if plain.confidence >= _TRUSTED:
                plain.report["why"] = "the backdrop is plain enough to be modelled exactly, so the model was not needed"
                return plain
        return from_model(rgb.to(device), _model_mask(model, rgb.unsqueeze(0)).to(device), rough, step)
    cut = from_plain_backdrop(rgb.to(device), rough, step)
    if method == "auto":
        cut.report["why"] = "no background-removal model is connected, so the backdrop itself is modelled"
    return cut


def _advice(cut: Cutout, index: int, pictures: int, minimum: float, has_model: bool) -> str:
    which = f"picture {index + 1} of {pictures}: " if pictures > 1 else ""
    reasons = "; ".join(cut.report["reasons"]) or "the outline is not clear"
    on_canvas, by_name = "a rough hint mask", "a transparent PNG as the photo"
    if not has_model:
        on_canvas, by_name = f"{on_canvas}, or connect {_MODEL}", _WITH_MODEL
    return (
        f"{which}the product could not be cut out reliably (confidence {cut.confidence:.2f}, needed {minimum:.2f}): "
        f"{reasons}. What to try: a plain backdrop of another colour than the product, with some room around it. "
        f"On the canvas: {on_canvas}; min_confidence 0 takes the guess. On the command line: {by_name}; "
        "--set cutout_confidence=0, where the workflow has it, takes the guess."
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
                "backdrop. Works without a model on plain backdrops (shadows are not product); with a "
                "background-removal model on any. Says how far the result can be trusted, and refuses a guess."
            ),
            has_intermediate_output=True,
            search_aliases=[
                "remove background",
                "cut out",
                "cutout",
                "matting",
                "alpha",
                "birefnet",
                "rembg",
                "mask product",
            ],
            inputs=[
                io.Image.Input("image", tooltip="The product photo. A fourth (alpha) channel is used if it has one."),
                io.BackgroundRemoval.Input(
                    "bg_removal_model",
                    optional=True,
                    tooltip="From 'Load Background Removal Model' (BiRefNet). Needed for busy backdrops only.",
                ),
                io.Mask.Input(
                    "hint",
                    optional=True,
                    tooltip="A rough mask, 1 = product: nothing outside it becomes product. Helps with several "
                    "products or a busy backdrop.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(METHODS),
                    default="auto",
                    tooltip="auto: the file's own alpha, else the modelled backdrop where it can be trusted, else the "
                    "model. birefnet: always the model. plain_backdrop: never the model.",
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
            ],
            outputs=[
                io.Image.Output(display_name="product", tooltip="The product's colours; no old backdrop at its edge."),
                io.Mask.Output(display_name="mask", tooltip="1 = product, soft at the edge."),
                io.String.Output(display_name="report", tooltip="JSON: method, why, confidence, reasons, bbox, ..."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        method: str = "auto",
        bg_removal_model: Any = None,
        hint: Tensor | None = None,
        transparency: Tensor | None = None,
        min_confidence: float = 0.5,
    ) -> io.NodeOutput:
        if method not in METHODS:
            raise ParameterError(f"method is {method!r}; choose one of {', '.join(METHODS)}.")
        if method == "birefnet" and bg_removal_model is None:
            raise ParameterError(
                "method is birefnet but no model is connected: on the canvas add 'Load Background Removal Model' with "
                f"birefnet.safetensors, on the command line use {_WITH_MODEL}; or choose plain_backdrop or auto."
            )
        check_range(min_confidence, 0.0, 1.0, "min_confidence")
        rgb, alpha = split_alpha(image)
        rgb = torch.nan_to_num(rgb).clamp(0.0, 1.0)
        masks = {"image": rgb}
        hint, transparency = optional_mask(hint, rgb), optional_mask(transparency, rgb)
        if hint is not None:
            masks["hint"] = hint = check_mask(hint, "hint")
        if transparency is not None:
            masks["transparency"] = transparency = check_mask(transparency, "transparency")
            alpha = 1.0 - transparency if alpha is None else alpha
        same_size(**masks)
        batch = common_batch(**masks)
        step = progress_callback(_STEPS * batch)
        device = work_device()
        products, mattes, reports = [], [], []
        for index in range(batch):
            done = [_STEPS * index]

            def advance(count: int, done: list[int] = done) -> None:
                done[0] = min(done[0] + count, _STEPS * batch)
                step(done[0])

            own = None if alpha is None else item(alpha, index)
            rough = None if hint is None else item(hint, index)
            cut = _cut(item(rgb, index), own, rough, method, bg_removal_model, advance, device)
            if cut.confidence < min_confidence:
                raise UntrustedCutoutError(_advice(cut, index, batch, min_confidence, bg_removal_model is not None))
            products.append(cut.product.to(rgb.device))
            mattes.append(cut.alpha.to(rgb.device))
            reports.append(cut.report)
            step(_STEPS * (index + 1))
        product, mask = deliver(_stack(products), _stack(mattes))
        report = dict(reports[0], pictures=batch)
        if batch > 1:
            report["confidence"] = min(entry["confidence"] for entry in reports)
            report["items"] = reports
        return output(product, mask, report=report, preview=_preview(product, mask), cls=cls)


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
