"""Trained networks in a file of PyTorch's: read whole or not at all, opened on first use.

Imports no ComfyUI module, and the packages that a network runs on only when it is opened.
"""

from .errors import WeightsFileError
from .network import FileNetwork, published_weights

__all__ = ["FileNetwork", "WeightsFileError", "published_weights"]
