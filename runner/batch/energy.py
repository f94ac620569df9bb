"""What a machine draws while it works, by what ComfyUI says it runs on: for an estimate, where nobody says better."""

from __future__ import annotations

_PROCESSOR, _APPLE, _OTHER = 65.0, 60.0, 300.0
_WATTS = {
    "H200": 700, "H100": 700, "H800": 700, "A100": 400, "A800": 400, "B200": 1000, "GH200": 900, "L40": 300,
    "L4": 72, "T4": 70, "V100": 300, "A10": 150, "A40": 300, "A6000": 300, "A5000": 230, "A4000": 140, "6000 ADA": 300,
    "5090": 575, "5080": 360, "5070 TI": 300, "5070": 250, "5060": 180, "4090": 450, "4080": 320, "4070 TI": 285,
    "4070": 200, "4060": 115, "3090": 350, "3080": 320, "3070": 220, "3060": 170, "2080": 250, "2070": 175, "2060": 160,
    "1080": 180, "1070": 150, "1060": 120, "7900": 355, "6900": 300, "MI300": 750, "MI250": 560,
}  # fmt: skip
"""The makers' board power in watts, by what is in a card's name; of two that fit, the longer."""


def machine_watts(device: str) -> float:
    """Watts at work of what ComfyUI calls a device (`cuda:0 NVIDIA GeForce RTX 4090 : …`); 300 for a card nobody knows,
    and where nothing is said."""
    name = device.upper()
    if name.startswith("CPU"):
        return _PROCESSOR
    if name.startswith("MPS"):
        return _APPLE
    fitting = max((model for model in _WATTS if model in name), key=len, default="")
    return float(_WATTS[fitting]) if fitting else _OTHER
