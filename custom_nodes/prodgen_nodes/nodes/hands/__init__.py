"""The nodes that look at hands: check them, cut them out, redraw them, put refined ones back."""

from .check import ProdgenHandCheck
from .crop import ProdgenCropHands
from .put_back import ProdgenStitchHands
from .redraw import ProdgenRedrawHands

__all__ = ["ProdgenCropHands", "ProdgenHandCheck", "ProdgenRedrawHands", "ProdgenStitchHands"]
