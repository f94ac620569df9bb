"""Which stage of the work a node belongs to: what it is says so, or else what it is fed by and feeds.

No link goes back to an earlier stage: a node stands in its own, or in the latest that feeds it. That is how the
sampler that repaints hands comes to stand with the hands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from runner.workflow.graph import Graph, consumers_of, is_link, node_title, parse_title


@dataclass(frozen=True)
class Stage:
    """A group on the canvas: its title, what happens in it, and its colour."""

    key: str
    title: str
    sentence: str
    colour: str


STAGES = (
    Stage("set", "What you set", "Everything a run may change. What you leave alone suits most photos.", "#8A8"),
    Stage("seldom", "Seldom set", "Fine tuning. Each value is the one that was found good.", "#586e58"),
    Stage("models", "Models", "The files of the networks; ComfyUI offers to download a missing one.", "#777"),
    Stage("cutout", "Cut out", "What in the photo is product, with clean edges.", "#3f789e"),
    Stage("words", "Words", "What is asked of the model, and who holds the product.", "#88A"),
    Stage("place", "Place", "Where the product stands in the picture, how large, in which light.", "#8AA"),
    Stage("guide", "Start and guides", "What the painting starts from, and what it keeps to.", "#b58b2a"),
    Stage("paint", "Paint", "The model paints the picture.", "#a1309b"),
    Stage("hands", "Hands", "Hands are repainted at full size, and kept where they came out better.", "#A88"),
    Stage("finish", "Finish", "The photo's own pixels come back, with shadow and light.", "#b06634"),
    Stage("check", "Check", "Is the product in the picture still yours? The figures, in words.", "#466"),
    Stage("results", "Results", "What a run delivers.", "#3f5e9e"),
)
_NUMBER = {stage.key: number for number, stage in enumerate(STAGES)}

_OWN = {
    "models": "CheckpointLoaderSimple UNETLoader CLIPLoader VAELoader ControlNetLoader UpscaleModelLoader LoadDA3Model "
    "LoadBackgroundRemovalModel ProdgenOptionalLora ProdgenLoadSam3 LoraLoaderModelOnly FreeU_V2 "
    "ModelSamplingAuraFlow CFGNorm SetUnionControlNetType",
    "cutout": "ProdgenSegmentProduct ProdgenCutouts ProdgenRequireProduct ProdgenCropRegions",
    "words": "ProdgenPersona ProdgenCaption ProdgenPersonaQuestion TextGenerate StringConcatenate CLIPTextEncode",
    "place": "ProdgenPlaceProduct ProdgenEraseHandle ProdgenGripZone ProdgenChannel ProdgenLight ImagePadForOutpaint",
    "guide": "Canny ControlNetApplyAdvanced ConditioningSetMask ConditioningCombine ScribblePreprocessor DA3Inference "
    "DA3Render MeshGraphormer-DepthMapPreprocessor TextEncodeQwenImageEditPlus ReferenceLatent VAEEncode "
    "FluxKontextMultiReferenceLatentMethod VAEEncodeForInpaint EmptyLatentImage EmptyFlux2LatentImage "
    "ProdgenSplitTiles",
    "paint": "KSampler KSamplerAdvanced SamplerCustomAdvanced CFGGuider BasicScheduler Flux2Scheduler ManualSigmas "
    "RandomNoise VAEDecode ProdgenICLight KSamplerSelect ProdgenTCDSampler ProdgenTileNoise AddNoise",
    "hands": "RTDETR_detect SDPoseKeypointExtractor ImageFlip ProdgenCropHands ProdgenHandCheck ProdgenRedrawHands "
    "ProdgenStitchHands SDPoseDrawKeypoints",
    "finish": "ProdgenStitchRegions ProdgenRegisterProduct ProdgenKeepInFront ProdgenColorFix ProdgenJoinTiles "
    "ProdgenCameraMove CreateVideo ProdgenRecolor",
    "check": "ProdgenFidelity ProdgenCheck",
    "results": "SaveImage ProdgenExport ProdgenSaveCutout ProdgenSaveCutouts PreviewAny",
}
_STAGE_OF = {name: stage for stage, names in _OWN.items() for name in names.split()}
_BOTH_SIDES = {
    "ProdgenGroundShadow": "place",
    "ProdgenStyle": "place",
    "ProdgenPasteBack": "guide",
    "ImageBlend": "guide",
}
"""Nodes that make the painting ready where a sampler follows, and finish the picture where none does."""
_PAINTS = frozenset({"KSampler", "KSamplerAdvanced", "SamplerCustomAdvanced"})

_OFTEN = frozenset(
    {"image", "image_2", "hint", "prompt", "negative", "wish", "channel", "seed", "width", "height", "steps", "cfg"}
    | {"style", "parts", "scale_by", "pose", "light", "transform", "left", "top", "right", "bottom"}
    | {"color", "swatch", "part"}
)
"""Inputs that stand first; all others are fine tuning."""


def stages_of(graph: Graph) -> dict[str, Stage]:
    """Node id → its stage."""
    feeds = {node_id: _feeds(graph, node_id) for node_id in graph}
    order = list(TopologicalSorter(feeds).static_order())
    consumers = {source: [target for target, _ in links] for source, links in consumers_of(graph).items()}
    painted_later = _before_painting(graph, feeds, order)
    own = {node_id: _own(graph, node_id, node_id in painted_later) for node_id in graph}
    wanted = dict(own)
    for node_id in reversed(order):  # what is nothing by itself stands with the first that needs it
        if own[node_id] is None:
            needed = [wanted[target] for target in consumers.get(node_id, []) if wanted[target] is not None]
            wanted[node_id] = min(needed, key=lambda key: _NUMBER[str(key)], default="results")
    stages: dict[str, int] = {}
    for node_id in order:
        fed = [stages[source] for source in feeds[node_id]]
        latest = max((number for number in fed if number > _NUMBER["models"]), default=None)
        at_least = max(fed, default=0)
        if own[node_id] is None and latest is not None:
            stages[node_id] = latest
        else:
            stages[node_id] = max(_NUMBER[str(wanted[node_id])], at_least if at_least > _NUMBER["seldom"] else 0)
    return {node_id: STAGES[stages[node_id]] for node_id in graph}


def _feeds(graph: Graph, node_id: str) -> list[str]:
    return [value[0] for value in graph[node_id]["inputs"].values() if is_link(value)]


def _own(graph: Graph, node_id: str, painted_later: bool) -> str | None:
    node = graph[node_id]
    kind = str(node["class_type"])
    mark = parse_title(node_title(node))
    if _STAGE_OF.get(kind) != "models" and mark and mark.kind == "input" and not _feeds(graph, node_id):
        return "set" if mark.name in _OFTEN else "seldom"
    if mark and mark.kind == "output":
        return "results"
    if kind in _BOTH_SIDES:
        return _BOTH_SIDES[kind] if painted_later else "finish"
    return _STAGE_OF.get(kind)


def _before_painting(graph: Graph, feeds: Mapping[str, Sequence[str]], order: Sequence[str]) -> set[str]:
    before: set[str] = set()
    for node_id in reversed(order):
        if node_id in before or graph[node_id]["class_type"] in _PAINTS:
            before.update(feeds[node_id])
    return before


def columns_in(members: Sequence[str], feeds: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Node → how many of its stage it waits for; what waits for none stands right before the first it feeds."""
    inside = set(members)
    within = {node: [source for source in feeds[node] if source in inside] for node in members}
    depth: dict[str, int] = {}
    for node in TopologicalSorter(within).static_order():
        depth[node] = max((depth[source] + 1 for source in within[node]), default=0)
    first_use: dict[str, int] = {}
    for node, sources in within.items():
        for source in sources:
            first_use[source] = min(first_use.get(source, depth[node]), depth[node])
    return {
        node: max(depth[node], first_use[node] - 1) if not within[node] and node in first_use else depth[node]
        for node in members
    }


def feeds_of(graph: Graph) -> dict[str, list[str]]:
    """Node id → the nodes that feed it."""
    return {node_id: _feeds(graph, node_id) for node_id in graph}
