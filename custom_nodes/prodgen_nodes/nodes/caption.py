"""Caption for Training: `tag, class, rest` of one photo."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..captions import Tokens, captioned, cleaned, framing_words, is_common
from ..imaging.errors import EmptyMaskError, ParameterError, ShapeError
from ..imaging.tensors import item
from .background_removal import identity_of_best
from .common import CATEGORY, output, progress_callback, work_device
from .segmentation import STEPS, Choice, cut_out, photos_of, stages

QUESTION = (
    "Describe this photo in one plain sentence of fewer than 40 words: pose, viewpoint, surroundings and light. Name "
    "no brand, praise nothing, and leave out the product's own colour, material, shape and parts."
)


class ProdgenCaption(io.ComfyNode):
    """What a trainer reads beside a photo."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ProdgenCaption",
            display_name="Caption for Training",
            category=CATEGORY,
            description=(
                "Writes the caption of a training photo: tag, class, and what a language model says of pose, viewpoint "
                "and light, freed of its manners of speaking. Without its words the photo itself is measured: framing "
                "and backdrop. Never longer than CLIP reads."
            ),
            has_intermediate_output=True,
            search_aliases=["caption", "training", "lora dataset", "blip", "joycaption", "trigger word", "kohya"],
            inputs=[
                io.Image.Input("image", tooltip="The training photo; one at a time, so that each keeps its caption."),
                io.String.Input(
                    "tag", default="", tooltip="The rare word that the product is learnt under, like ohwx-bag."
                ),
                io.String.Input("class_name", default="", tooltip="What kind of thing it is, like handbag."),
                io.String.Input(
                    "description",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="A language model's words about the photo; empty = the photo itself is measured.",
                ),
                io.String.Input(
                    "question",
                    default=QUESTION,
                    multiline=True,
                    optional=True,
                    tooltip="What a client that has a language model of its own asks it about the photo.",
                ),
                io.Mask.Input(
                    "transparency", optional=True, tooltip="The mask output of 'Load Image' (1 = transparent)."
                ),
            ],
            outputs=[
                io.String.Output(display_name="caption", tooltip="tag, class, rest."),
                io.String.Output(display_name="report", tooltip="JSON: caption, source, tokens, common_tag, notes."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, **_: Any) -> str:
        """A network that was installed since the last run sees more."""
        return identity_of_best()

    @classmethod
    def execute(
        cls,
        image: Tensor,
        tag: str,
        class_name: str,
        description: str = "",
        question: str = "",  # noqa: ARG003 - for clients, which read it from the graph
        transparency: Tensor | None = None,
    ) -> io.NodeOutput:
        if image.shape[0] != 1:
            raise ShapeError(f"image holds {image.shape[0]} pictures; a caption is written for one at a time.")
        if not tag.strip() and not class_name.strip():
            raise ParameterError("tag and class are both empty: say at least what kind of thing the photo shows.")
        rest, source = cleaned(description, tag, class_name), "description"
        notes: list[str] = []
        if not rest:
            rest, notes = _measured(image, transparency)
            source = "rules"
        tokens = _tokens()
        caption, count, shortened = captioned(tag, class_name, rest, tokens)
        common = is_common(tag, tokens)
        if common:
            notes.append(
                f"the tag {tag!r} is a word that the model knows: it would be learnt on top of what that means. Take a "
                "rare one, like ohwx-bag."
            )
        if shortened:
            notes.append("words were left out: CLIP reads 75 tokens.")
        report = {"caption": caption, "source": source, "tokens": count, "common_tag": common, "notes": notes}
        return output(caption, report=report)


def _measured(image: Tensor, transparency: Tensor | None) -> tuple[str, list[str]]:
    """The rest of a caption from the photo itself; "" where its product cannot be told from what is around it."""
    rgb, alpha, _, _ = photos_of(image, transparency)
    step = progress_callback(STEPS)
    own = None if alpha is None else item(alpha, 0)
    cut = cut_out(rgb[0], own, None, Choice("auto", None, "squash", "all"), stages(step, 0, 1), work_device())
    try:
        return framing_words(rgb[0].to(cut.alpha.device), cut.alpha), []
    except EmptyMaskError:
        return "", ["nothing was found in the photo that could be its product."]


@lru_cache(maxsize=1)
def _tokens() -> Tokens:
    """CLIP's tokenizer, which comes with ComfyUI."""
    from comfy.sd1_clip import SDTokenizer

    tokenizer = SDTokenizer().tokenizer

    def tokens(text: str) -> list[int]:
        return list(tokenizer(text)["input_ids"][1:-1])

    return tokens
