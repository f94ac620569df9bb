"""What kind of thing a product is, as a network sees it that was taught ImageNet's thousand classes.

Imports no ComfyUI module, and timm only when the network is opened: without it everything else still works. Conventions
as in `imaging`: images `[H,W,C]` sRGB 0..1, masks `[H,W]`, 1 = product.
"""

from .garments import Garment, garment
from .network import EfficientNetLite

__all__ = ["EfficientNetLite", "Garment", "garment"]
