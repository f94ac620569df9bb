"""Segment Anything by its smallest network: a photo is seen once, then asked for the object at given points or a box.

Imports no ComfyUI module, and timm and transformers only when the network is opened: without them everything else still
works. Conventions as in `imaging`: images `[B,H,W,C]` sRGB 0..1.
"""

from .network import MobileSam, Seen

__all__ = ["MobileSam", "Seen"]
