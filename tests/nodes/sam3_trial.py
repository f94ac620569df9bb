"""SAM 3's own classes, small, with made-up weights, asked as `Cut Out Every Object` asks them; by ComfyUI's Python.

Proves that core's detector takes what the node gives and that its answer is read; never what SAM 3 would find.
"""

from __future__ import annotations

import sys
from pathlib import Path

comfyui, pack = Path(sys.argv[1]), Path(sys.argv[2])
sys.path[:0] = [str(comfyui), str(pack.parent)]
sys.argv = ["trial", "--cpu"]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.ops  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.sam3.detector import SAM3Detector  # noqa: E402
from comfy.model_patcher import ModelPatcher  # noqa: E402
from prodgen_nodes.imaging.likeness import limits_of  # noqa: E402
from prodgen_nodes.nodes import require, sam3  # noqa: E402

torch.manual_seed(0)
WORDS, WIDTH = 5, 64


class Network(torch.nn.Module):
    """SAM3Model without the tracker, which is for films."""

    def __init__(self) -> None:
        super().__init__()
        self.detector = SAM3Detector(
            d_model=64, embed_dim=WIDTH, num_queries=6, depth=1, image_model="SAM31", operations=comfy.ops.manual_cast
        )

    def forward(self, images: torch.Tensor, **given: object) -> object:
        return self.detector(images, **given)


class Model(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.diffusion_model = Network()
        for value in self.parameters():
            torch.nn.init.normal_(value, std=0.05)

    def get_dtype(self) -> torch.dtype:
        return torch.float32


class Clip:
    """A text encoder as far as the node sees it; answers in both forms that core knows."""

    def tokenize(self, text: str) -> str:
        return text

    def encode_from_tokens_scheduled(self, text: str) -> list[list[object]]:
        cond, mask = torch.randn(1, WORDS, WIDTH), torch.ones(1, WORDS, dtype=torch.int64)
        several = {"sam3_multi_cond": [{"cond": cond, "attention_mask": mask, "max_detections": 1}]}
        return [[cond, several if text == "bag" else {"attention_mask": None}]]


cpu = torch.device("cpu")
patcher = ModelPatcher(Model(), cpu, cpu)
picture = torch.rand(96, 128, 3)
network = patcher.model.diffusion_model
with torch.inference_mode():
    seen = network(torch.rand(1, 3, sam3.SIDE, sam3.SIDE), text_embeddings=torch.randn(1, WORDS, WIDTH))
assert seen["presence"].numel() == 1, seen["presence"].shape
if float(seen["masks"].max()) <= 0:  # made-up weights that see nothing anywhere: now they see everything
    for value in network.detector.segmentation_head.instance_seg_head.parameters():
        value.data.neg_()
things = sam3._rough(patcher, Clip(), picture, ["bag", "shoe"], 0.0)
assert {thing.label for thing in things} <= {"bag", "shoe"} and things, things
assert all(thing.mask.ndim == 2 and 0 <= float(thing.mask.min()) <= float(thing.mask.max()) <= 1 for thing in things)
assert all(0 <= thing.score <= 1 for thing in things)
found, report = sam3.from_sam3(patcher, Clip(), picture, ["bag"], 0.0, 0.001)
assert report["method"] == "sam3"
assert all(thing.colours is not None and thing.colours.shape == picture.shape for thing in found.things)
# The product filter asks the same detector; what fits a rival is no find, and the label that was asked for stays.
named = require._Asked(["bag"], ["shoe"], limits_of("careful", 1e-6), [], patcher, Clip(), None)
looked = require._seen(picture, None, named, lambda count: None)
assert looked.method == "sam3" and {find.thing.label for find in looked.looked_at} <= {"bag"}, looked
assert looked.verdict == ("found" if looked.finds else "not found"), looked.why
assert not any("shoe" in note for note in looked.notes), looked.notes
try:
    sam3._check_is_known(torch.nn.Linear(1, 1))
except sam3.ParameterError as error:
    assert "no SAM 3" in str(error)
else:
    raise AssertionError("anything passes for SAM 3")
print("trial:", len(things), "finds")
