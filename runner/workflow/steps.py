"""What a step of a workflow is called by people: "cutting out", where the graph says `input: cutout = method`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.untrusted import mapping
from runner.workflow.graph import node_title, parse_title

DOING = {
    "LoadImage": "reading the photo",
    "LoadImageMask": "reading the mask",
    "ProdgenLoadHint": "reading the mask",
    "ProdgenSegmentProduct": "cutting out",
    "ProdgenCutouts": "cutting out",
    "ProdgenSaveCutouts": "saving",
    "ProdgenPlaceProduct": "placing",
    "ProdgenChannel": "reading the shop's rules",
    "ProdgenEraseHandle": "opening the handle",
    "ProdgenGripZone": "finding where to hold it",
    "ProdgenGroundShadow": "casting the shadow",
    "ProdgenPasteBack": "pasting the original",
    "ProdgenColorFix": "correcting colours",
    "ProdgenFidelity": "comparing with the photo",
    "ProdgenExport": "checking the shop's rules",
    "ProdgenSaveCutout": "saving",
    "ProdgenRegisterProduct": "finding the product again",
    "ProdgenPersona": "choosing a person",
    "ProdgenPersonaQuestion": "choosing a person",
    "ProdgenKeepInFront": "looking for fingers",
    "ProdgenCropHands": "looking at the hands",
    "ProdgenRedrawHands": "redrawing the hands",
    "ProdgenStitchHands": "putting the hands back",
    "ProdgenHandCheck": "checking the hands",
    "ProdgenLight": "setting the light",
    "ProdgenICLight": "loading the light model",
    "ProdgenStyle": "applying the look",
    "ProdgenCameraMove": "moving the camera",
    "ProdgenSpin": "bringing the turn together",
    "ProdgenSpinFrame": "adding to the turn",
    "ProdgenSplitTiles": "splitting into tiles",
    "ProdgenJoinTiles": "joining the tiles",
    "SDPoseKeypointExtractor": "finding the pose",
    "RTDETR_detect": "looking for people",
    "DA3Inference": "measuring the depth",
    "KSampler": "painting",
    "KSamplerAdvanced": "painting",
    "SamplerCustom": "painting",
    "SamplerCustomAdvanced": "painting",
    "VAEDecode": "developing",
    "VAEDecodeTiled": "developing",
    "VAEEncode": "preparing",
    "VAEEncodeTiled": "preparing",
    "VAEEncodeForInpaint": "preparing",
    "CLIPTextEncode": "reading the prompt",
    "SaveImage": "saving",
    "PreviewImage": "saving",
    "CheckpointLoaderSimple": "loading models",
    "UNETLoader": "loading models",
    "CLIPLoader": "loading models",
    "DualCLIPLoader": "loading models",
    "VAELoader": "loading models",
    "ControlNetLoader": "loading models",
    "LoadBackgroundRemovalModel": "loading models",
    "ProdgenLoadBackgroundRemoval": "loading models",
    "UpscaleModelLoader": "loading models",
    "ImageUpscaleWithModel": "enlarging",
    "TextGenerate": "writing",
}
"""What a node of this class is at; another is called by its title."""
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PREPARING = (
    "Primitive", "ProdgenNumber", "ProdgenParts", "ComfySwitch", "ComfyMath", "StringConcatenate", "GetImageSize"
)  # fmt: skip


def doing(graph: Mapping[str, Any], node_id: str) -> str:
    """What is being done while this node runs."""
    node = mapping(graph.get(node_id))
    kind = str(node.get("class_type", ""))
    if kind in DOING:
        return DOING[kind]
    return "preparing" if kind.startswith(_PREPARING) else step_name(graph, node_id)


def step_name(graph: Mapping[str, Any], node_id: str) -> str:
    """What to call a node: its title, unless that is a mark for the command line; then its class, in words."""
    node = mapping(graph.get(node_id))
    title, kind = node_title(node), str(node.get("class_type", ""))
    if title and title != kind and parse_title(title) is None:
        return title
    return " ".join(_WORDS.split(kind.removeprefix("Prodgen"))) or "a step"
