"""The cut-out: backdrop model, evidence, labels, matting, edge colours, confidence; `cutout` puts them in order."""

from .confidence import TRUSTED
from .cropped import from_own_alpha
from .cutout import Cutout, from_file_alpha, from_model, from_plain_backdrop
from .looks import from_looks, more_trusted

__all__ = [
    "TRUSTED",
    "Cutout",
    "from_file_alpha",
    "from_looks",
    "from_model",
    "from_own_alpha",
    "from_plain_backdrop",
    "more_trusted",
]
