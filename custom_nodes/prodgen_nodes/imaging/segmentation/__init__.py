"""The cut-out: backdrop model, evidence, labels, matting, edge colours, confidence; `cutout` puts them in order."""

from .cutout import Cutout, from_file_alpha, from_model, from_plain_backdrop

__all__ = ["Cutout", "from_file_alpha", "from_model", "from_plain_backdrop"]
