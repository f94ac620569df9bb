"""Camera Move: a film's frames from a finished picture."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.camera import MOVES, frames_of
from ..imaging.errors import ShapeError
from ..imaging.tensors import item, split_alpha
from .common import CATEGORY, check_widgets, deliver, output, progress_callback, work_device


class ProdgenCameraMove(io.ComfyNode):
    """A camera moves over a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenCameraMove",
            display_name="Camera Move",
            category=CATEGORY,
            description=(
                "Frames for a film from one finished picture: the camera comes nearer, goes back or pans. Every frame "
                "is a crop of the picture, resampled in linear light; nothing is painted. Make the picture about twice "
                "as large as the film, and it stays sharp. Core's Create Video makes a film of the frames."
            ),
            has_intermediate_output=True,
            search_aliases=["ken burns", "video", "zoom", "pan", "push in", "packshot video"],
            inputs=[
                io.Image.Input("image", tooltip="One finished picture, larger than the film."),
                io.Combo.Input("move", options=list(MOVES), default="push_in", tooltip="What the camera does."),
                io.Float.Input(
                    "seconds", default=4.0, min=0.2, max=60.0, step=0.1, tooltip="How long the film is, in seconds."
                ),
                io.Float.Input("fps", default=25.0, min=1.0, max=60.0, step=1.0, tooltip="Frames a second."),
                io.Int.Input("width", default=1080, min=64, max=4096, step=2, tooltip="Width of the film in pixels."),
                io.Int.Input("height", default=1080, min=64, max=4096, step=2, tooltip="Height of the film in pixels."),
                io.Float.Input(
                    "amount",
                    default=0.25,
                    min=0.0,
                    max=3.0,
                    step=0.01,
                    tooltip="How much nearer the camera comes, or is while it pans: 0.25 is a quarter.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="frames", tooltip="The film, a picture each."),
                io.String.Output(display_name="report", tooltip="JSON: frames, move, enlarged, notes."),
            ],
        )

    @classmethod
    def execute(
        cls, image: Tensor, move: str, seconds: float, fps: float, width: int, height: int, amount: float
    ) -> io.NodeOutput:
        if image.shape[0] != 1:
            raise ShapeError(f"image holds {image.shape[0]} pictures; the camera moves over one.")
        check_widgets(cls, seconds=seconds, fps=fps, amount=amount, width=width, height=height)
        width, height = width - width % 2, height - height % 2  # H.264 takes no odd sides
        count = max(1, round(seconds * fps))
        picture = item(split_alpha(image)[0], 0).to(work_device())
        nearest = 1.0 if move == "still" else 1 + amount
        enlarged = nearest * width / min(picture.shape[1], picture.shape[0] * width / height)
        notes = []
        if enlarged > 1:
            notes.append(f"The picture was enlarged {enlarged:.2f}× at its nearest: a larger one is sharper.")
        frames = frames_of(picture, move, count, width, height, amount, progress_callback(count))
        report = {"frames": count, "move": move, "enlarged": enlarged, "notes": notes}
        return output(*deliver(frames), report=report)
