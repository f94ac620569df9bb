"""Persona and Pose from the Product, and the question for a vision-language model that may help with it."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..imaging.product.measure import Facts, measure_product
from ..persona.persona import AUTO, invent
from ..persona.poses import POSES
from ..persona.question import ask, template
from .common import CATEGORY, output, required_mask
from .product_kind import identity, kinds

_MOST_SEED = 0xFFFFFFFFFFFFFFFF
"""What ComfyUI's own seeds go up to: 64 bits."""


def _product_input() -> list[Any]:
    return [
        io.Image.Input(
            "product", tooltip="The product photo, from Segment Product. Of a batch the first picture counts."
        ),
        io.Mask.Input("mask", tooltip="Where the product is in that photo, 1 = product, from Segment Product."),
    ]


def _measured(product: Tensor, mask: Tensor) -> Facts:
    """What the first picture says of the product, and what the installed network sees in it."""
    first, only = product[:1], required_mask(mask, product)[:1]
    return measure_product(first, only, kinds(first[0], only[0]))


def _wish_input() -> Any:
    return io.String.Input(
        "wish",
        default="",
        multiline=True,
        optional=True,
        tooltip=(
            "What must be so, in your own words with commas between, like 'a woman in her fifties, winter street'. "
            "The rest is filled in. Empty = everything is chosen."
        ),
    )


class ProdgenPersona(io.ComfyNode):
    """A prompt for a person holding the product, and the pose that Place Product should use."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenPersona",
            display_name="Persona and Pose from the Product",
            category=CATEGORY,
            description=(
                "Writes the prompt for a person who holds the product: person, garments that suit its colour, light, "
                "background, how it is held, shot and gaze, and finds the matching pose. By what a vision-language "
                "model said (checked field by field), or, without one, by rules on what can be measured."
            ),
            has_intermediate_output=True,
            search_aliases=["persona", "model prompt", "vlm", "prompt from image", "person holding", "pose", "prodgen"],
            inputs=[
                *_product_input(),
                io.String.Input(
                    "description",
                    optional=True,
                    force_input=True,
                    tooltip=(
                        "The answer of a vision-language model to 'Question for the Persona Model', for example from "
                        "Generate Text. Unconnected or empty = the rules decide. Nonsense falls back to the rules."
                    ),
                ),
                _wish_input(),
                io.String.Input(
                    "prompt",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Your own whole prompt. Where not empty it is used unchanged and only the pose is found.",
                ),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=_MOST_SEED,
                    control_after_generate=True,
                    optional=True,
                    tooltip="Another seed, another person, outfit and place. The same seed gives the same prompt.",
                ),
                io.Combo.Input(
                    "pose",
                    options=[AUTO, *POSES],
                    default=AUTO,
                    optional=True,
                    tooltip="How the product is shown. auto: by its kind and size, or as the wish or the model says.",
                ),
                io.Boolean.Input(
                    "one_hand",
                    default=False,
                    optional=True,
                    tooltip="On: a product without a handle is held in one hand (held_in_hand), for Grip Zone.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="prompt", tooltip="For the positive text encoder."),
                io.String.Output(display_name="negative", tooltip="For the negative text encoder."),
                io.Combo.Output(
                    display_name="pose", options=list(POSES), tooltip="Connect it to the pose of Place Product."
                ),
                io.String.Output(display_name="report", tooltip="JSON: what was measured and who said which field."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Once the network that knows kinds is installed, the answer may be another."""
        return identity()

    @classmethod
    def execute(
        cls,
        product: Tensor,
        mask: Tensor,
        description: str = "",
        wish: str = "",
        prompt: str = "",
        seed: int = 0,
        pose: str = AUTO,
        *,
        one_hand: bool = False,
    ) -> io.NodeOutput:
        facts = _measured(product, mask)
        invented = invent(
            facts, description=description, wish=wish, prompt=prompt, seed=seed, pose=pose, one_hand=one_hand
        )
        report = {**invented.report(), "product": facts.report()}
        if product.shape[0] > 1:
            report["notes"] = [*report["notes"], f"Of {product.shape[0]} pictures the first was looked at."]
        return output(invented.prompt, invented.negative, invented.pose, report=report)


class ProdgenPersonaQuestion(io.ComfyNode):
    """What to ask a vision-language model about the product, for Persona and Pose from the Product."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenPersonaQuestion",
            display_name="Question for the Persona Model",
            category=CATEGORY,
            description=(
                "Writes the question for a vision-language model: what to invent, in which form to answer, and what "
                "was measured of the product. Connect it to the prompt of Generate Text, the photo to its image, and "
                "its answer to the description of Persona and Pose from the Product."
            ),
            has_intermediate_output=True,
            search_aliases=["persona", "question", "vlm", "instruction", "caption", "prompt from image", "prodgen"],
            inputs=[
                *_product_input(),
                _wish_input(),
                io.String.Input(
                    "question",
                    default=template(),
                    multiline=True,
                    optional=True,
                    advanced=True,
                    tooltip="The wording. The measured facts and the wish are added after it.",
                ),
            ],
            outputs=[
                io.String.Output(display_name="question", tooltip="For the prompt of Generate Text."),
                io.String.Output(display_name="report", tooltip="JSON: what was measured of the product."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """Once the network that knows kinds is installed, the answer may be another."""
        return identity()

    @classmethod
    def execute(cls, product: Tensor, mask: Tensor, wish: str = "", question: str = "") -> io.NodeOutput:
        facts = _measured(product, mask)
        return output(ask(question or template(), facts, wish), report=facts.report())
