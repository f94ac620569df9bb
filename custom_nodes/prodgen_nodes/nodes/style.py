"""Style: the look of a camera and a lab on the scene; the product keeps its colours."""

from __future__ import annotations

from comfy_api.latest import io
from torch import Tensor

from ..imaging.style.apply import StyleSettings, apply_style
from ..imaging.style.looks import LOOKS
from ..imaging.tensors import check_image
from .common import CATEGORY, deliver, optional_mask, output, work_device


class ProdgenStyle(io.ComfyNode):
    """Cinematic, DSLR, phone or studio: words for the prompt, and measured operations on the finished scene."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenStyle",
            display_name="Style",
            category=CATEGORY,
            description=(
                "Gives a finished picture the look of a film still, a DSLR, a phone or a studio: tone curve, white "
                "balance, glow, depth of field, vignette, grain. The product keeps its own pixels. Its words belong "
                "into the prompt of the scene. Strength 0 changes nothing."
            ),
            has_intermediate_output=True,
            search_aliases=["style", "look", "film", "cinematic", "grain", "vignette", "color grade", "bokeh", "lut"],
            inputs=[
                io.Image.Input("image", tooltip="The finished picture, with the product in it."),
                io.Combo.Input(
                    "style",
                    options=list(LOOKS),
                    default="none",
                    tooltip="cinematic: film still. dslr: portrait lens. phone: everything sharp. studio: clean.",
                ),
                io.Float.Input(
                    "strength",
                    default=1.0,
                    min=0.0,
                    max=1.0,
                    step=0.05,
                    tooltip="0 leaves the picture bit for bit as it is.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Where the product is (1 = product), at the picture's size: it keeps its pixels.",
                ),
                io.Image.Input(
                    "depth",
                    optional=True,
                    tooltip="A depth picture, such as Depth Anything 3's: what is not as far as the product blurs.",
                ),
                io.Int.Input(
                    "seed", default=0, min=0, max=2**53, optional=True, advanced=True, tooltip="Seed of the grain."
                ),
                io.Float.Input(
                    "max_lightness",
                    default=0.0,
                    min=0.0,
                    max=100.0,
                    step=0.5,
                    optional=True,
                    advanced=True,
                    tooltip="Darkens the scene until 99 % of it is at most this L*; 0 = no cap. Also with style none.",
                ),
                io.Float.Input(
                    "max_chroma",
                    default=0.0,
                    min=0.0,
                    max=150.0,
                    step=1.0,
                    optional=True,
                    advanced=True,
                    tooltip="Takes colour out of the scene until 99 % of it is at most this C*; 0 = no cap.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.String.Output(display_name="words", tooltip="For the prompt."),
                io.String.Output(display_name="avoid", tooltip="For the negative prompt."),
                io.String.Output(display_name="report", tooltip="JSON: what was applied, with its figures."),
            ],
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        style: str,
        strength: float,
        mask: Tensor | None = None,
        depth: Tensor | None = None,
        seed: int = 0,
        max_lightness: float = 0.0,
        max_chroma: float = 0.0,
    ) -> io.NodeOutput:
        mask = optional_mask(mask, image)
        device = work_device()
        settings = StyleSettings(style, strength, seed, max_lightness, max_chroma)
        styled, report = apply_style(
            image.to(device),
            None if mask is None else mask.to(device),
            None if depth is None else check_image(depth, "depth")[..., :3].mean(dim=-1).to(device),
            settings,
        )
        (result,) = deliver(styled)
        look = LOOKS[style]
        return output(result, look.words, look.avoid, report=report, preview=result, cls=cls)
