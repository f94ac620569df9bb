"""Learned background removal on onnxruntime: files recognised, pictures prepared, networks run, masks read.

Imports no ComfyUI module, and onnxruntime only when a network is run: without it everything else still works.
Conventions as in `imaging`: images `[B,H,W,C]` sRGB 0..1, masks `[B,H,W]` float32, 1 = product.
"""

from .architectures import ISNET, KNOWN, U2NET, U2NETP, Architecture, Known, by_rank, recognise
from .errors import ModelFileError
from .model import FITS, OnnxBackgroundRemoval
from .runtime import explain_missing, is_available

__all__ = [
    "FITS",
    "ISNET",
    "KNOWN",
    "U2NET",
    "U2NETP",
    "Architecture",
    "Known",
    "ModelFileError",
    "OnnxBackgroundRemoval",
    "by_rank",
    "explain_missing",
    "is_available",
    "recognise",
]
