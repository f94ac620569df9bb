"""What all nodes share: the category, the placement wire, reports, previews and where tensors go."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import comfy.model_management
import torch.nn.functional as F
from comfy_api.latest import io, ui
from torch import Tensor

from ..imaging.errors import ShapeError
from ..imaging.tensors import as_batch, check_mask, check_range, is_placeholder

CATEGORY = "prodgen"
PlacementType = io.Custom("PRODGEN_PLACEMENT")
TINT = (1.0, 0.0, 0.8)
"""The colour that marks a place in a preview."""
REPORT_KEY = "prodgen_report"
"""Of a node's `ui` output: its report for programs, where `text` is for people. See `docs/node-reports.md`."""


def report_text(report: Mapping[str, Any]) -> str:
    """One JSON object as text; floats shortened so that a person can read it, null where one is no number."""

    def tidy(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 5) if math.isfinite(value) else None
        if isinstance(value, Mapping):
            return {key: tidy(entry) for key, entry in value.items()}
        if isinstance(value, (list, tuple)):
            return [tidy(entry) for entry in value]
        return value

    return json.dumps(tidy(report), ensure_ascii=False, allow_nan=False)


def shown_report(text: str) -> dict[str, Any]:
    """What a node shows of its report, to people and to programs; both reach /history."""
    return {**ui.PreviewText(text).as_dict(), REPORT_KEY: [text]}


def output(
    *values: Any,
    report: Mapping[str, Any],
    after: tuple[Any, ...] = (),
    preview: Tensor | None = None,
    cls: type[io.ComfyNode] | None = None,
) -> io.NodeOutput:
    """A node's outputs, its report as the last one (but for what a later version put `after` it).

    Report and preview picture also reach the UI and /history. A schema with `has_intermediate_output` has them there in
    a run that took the node's result from the cache, too.
    """
    text = report_text(report)
    shown = shown_report(text)
    if preview is not None:
        # Small previews of at most four pictures: temp files, never the result itself.
        shown.update(ui.PreviewImage(thumbnails(preview[:4]), cls=cls).as_dict())
    return io.NodeOutput(*values, text, *after, ui=shown)


def check_widgets(cls: type[io.ComfyNode], **values: float) -> None:
    """Raises ParameterError for a number outside the range of its widget.

    ComfyUI checks what is typed; a value that another node hands over was checked by nobody.
    """
    for widget in cls.define_schema().inputs:
        if widget.id in values and isinstance(widget, (io.Int.Input, io.Float.Input)):
            low = -math.inf if widget.min is None else widget.min
            high = math.inf if widget.max is None else widget.max
            check_range(values[widget.id], low, high, widget.id)


def thumbnails(images: Tensor, side: int = 512) -> Tensor:
    """`[B,H,W,C]` reduced so that no side exceeds `side` pixels; writing an 8000² preview would take seconds.

    One channel becomes three: ComfyUI cannot write it.
    """
    height, width = images.shape[1:3]
    if images.shape[-1] == 1:
        images = images.expand(*images.shape[:-1], 3)
    factor = side / max(height, width)
    if factor >= 1:
        return images
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return F.interpolate(images.movedim(-1, 1), size=size, mode="area").movedim(1, -1)


def tinted(images: Tensor, mask: Tensor, strength: float) -> Tensor:
    """`images` `[B,H,W,3]` with what `mask` `[B,H,W]` marks shown in magenta, which hardly any product has.

    `strength` 0..1: how far the colour covers the picture.
    """
    return images + (images.new_tensor(TINT) - images) * (mask.to(images.device) * strength).unsqueeze(-1)


def deliver(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Results as float32 on the device where ComfyUI keeps what travels between nodes."""
    device = comfy.model_management.intermediate_device()
    return tuple(tensor.float().to(device) for tensor in tensors)


def work_device() -> Any:
    """The device the maths should run on: the GPU where there is one."""
    return comfy.model_management.get_torch_device()


def optional_mask(mask: Tensor | None, like: Tensor) -> Tensor | None:
    """None where `mask` is absent or LoadImage's placeholder beside the picture `like` `[B,H,W,C]`; else `[B,H,W]`.

    Raises ShapeError where one of them has an impossible shape.
    """
    _check_dimensions(like)
    if mask is None or is_placeholder(mask, like.shape[1], like.shape[2]):
        return None
    if 0 in mask.shape:
        raise ShapeError(f"a mask has shape {tuple(mask.shape)}: there is nothing in it.")
    return as_batch(mask)


def required_mask(mask: Tensor, like: Tensor, name: str = "mask") -> Tensor:
    """`mask` as `[B,H,W]`; refused where it is LoadImage's placeholder (the file has no alpha)."""
    _check_dimensions(like)
    if is_placeholder(mask, like.shape[1], like.shape[2]):
        raise ShapeError(
            f"{name} is LoadImage's empty placeholder: the file has no alpha channel.",
            canvas="connect the mask of 'Segment Product (BiRefNet)' instead.",
        )
    return check_mask(mask, name)


def _check_dimensions(like: Tensor) -> None:
    if like.ndim != 4:
        raise ShapeError(f"a picture has shape {tuple(like.shape)}; it must be [batch, height, width, 3 or 4].")


def progress_callback(total: int) -> Any:
    """`step(n)` that moves the node's progress bar and honours the user's Cancel."""
    from comfy.utils import ProgressBar

    bar = ProgressBar(total)

    def step(done: int) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(done, total)

    return step
