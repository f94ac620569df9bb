"""The list of the pack's nodes."""

from __future__ import annotations

from comfy_api.latest import ComfyExtension, io

from .background_removal import ProdgenLoadBackgroundRemoval
from .camera import ProdgenCameraMove
from .caption import ProdgenCaption
from .channel import ProdgenChannel
from .check import ProdgenCheck
from .color import ProdgenColorFix
from .cutout import ProdgenSaveCutout
from .cutouts import ProdgenCutouts
from .export import ProdgenExport
from .fidelity import ProdgenFidelity
from .grip import ProdgenGripZone
from .ground import ProdgenGroundShadow
from .handle import ProdgenEraseHandle
from .hands import ProdgenCropHands, ProdgenHandCheck, ProdgenRedrawHands, ProdgenStitchHands
from .hint import ProdgenLoadHint
from .iclight import ProdgenICLight
from .light import ProdgenLight
from .load_sam3 import ProdgenLoadSam3
from .lora import ProdgenOptionalLora
from .number import ProdgenNumber
from .occlusion import ProdgenKeepInFront
from .parts import ProdgenParts
from .paste_back import ProdgenPasteBack
from .persona import ProdgenPersona, ProdgenPersonaQuestion
from .placement import ProdgenPlaceProduct
from .recolor import ProdgenRecolor
from .reference import ProdgenLoadReference
from .regions import ProdgenCropRegions, ProdgenStitchRegions
from .registration import ProdgenRegisterProduct
from .require import ProdgenRequireProduct
from .save_cutouts import ProdgenSaveCutouts
from .segmentation import ProdgenSegmentProduct
from .spin import ProdgenSpin, ProdgenSpinFrame
from .style import ProdgenStyle
from .swatch import ProdgenLoadSwatch
from .tcd import ProdgenTCDSampler
from .tiles import ProdgenJoinTiles, ProdgenSplitTiles, ProdgenTileNoise
from .training.embedding import ProdgenEmbedding
from .training.node import ProdgenTrainLora
from .training.photos import ProdgenTrainingPhotos


class ProdgenExtension(ComfyExtension):
    """All nodes of the pack, in the order in which a packshot uses them."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            ProdgenLoadBackgroundRemoval,
            ProdgenLoadHint,
            ProdgenParts,
            ProdgenSegmentProduct,
            ProdgenPlaceProduct,
            ProdgenEraseHandle,
            ProdgenGripZone,
            ProdgenPasteBack,
            ProdgenColorFix,
            ProdgenLoadSwatch,
            ProdgenRecolor,
            ProdgenGroundShadow,
            ProdgenFidelity,
            ProdgenCheck,
            ProdgenCameraMove,
            ProdgenSpinFrame,
            ProdgenSpin,
            ProdgenChannel,
            ProdgenExport,
            ProdgenSaveCutout,
            ProdgenCutouts,
            ProdgenSaveCutouts,
            ProdgenLoadReference,
            ProdgenLoadSam3,
            ProdgenRequireProduct,
            ProdgenCropRegions,
            ProdgenStitchRegions,
            ProdgenCaption,
            ProdgenOptionalLora,
            ProdgenICLight,
            ProdgenLight,
            ProdgenStyle,
            ProdgenPersona,
            ProdgenPersonaQuestion,
            ProdgenHandCheck,
            ProdgenCropHands,
            ProdgenRedrawHands,
            ProdgenStitchHands,
            ProdgenRegisterProduct,
            ProdgenKeepInFront,
            ProdgenNumber,
            ProdgenSplitTiles,
            ProdgenTileNoise,
            ProdgenJoinTiles,
            ProdgenTCDSampler,
            ProdgenTrainingPhotos,
            ProdgenTrainLora,
            ProdgenEmbedding,
        ]
