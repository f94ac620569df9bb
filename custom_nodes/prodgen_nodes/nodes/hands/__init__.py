"""The nodes that look at hands: check them, cut them out, put refined ones back."""

from .check import ProdgenHandCheck
from .crop import ProdgenCropHands
from .put_back import ProdgenStitchHands

__all__ = ["ProdgenCropHands", "ProdgenHandCheck", "ProdgenStitchHands"]
