"""The networks this package knows: what each wants to see, what its output means, and which published file is which.

Preprocessing as the authors and `rembg` (danielgatis/rembg, `sessions/`) have it. U²-Net: Qin et al., "U²-Net: Going
deeper with nested U-structure for salient object detection", Pattern Recognition 2020. ISNet: Qin et al., "Highly
accurate dichotomous image segmentation", ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of RGB over ImageNet, as torchvision gives them: U²-Net's authors trained with them."""


@dataclass(frozen=True)
class Architecture:
    """One kind of network; `side` is the side of the square it was trained on."""

    kind: str
    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resampling: str
    """How a picture is reduced to its input; always with antialiasing."""
    by_maximum: bool = False
    """Whether a picture is divided by its largest value first."""
    stretched: bool = False
    """Whether the output is stretched to 0..1 (`pixels.stretch` says how far)."""


U2NET = Architecture("u2net", 320, _IMAGENET_MEAN, _IMAGENET_STD, "bicubic", by_maximum=True, stretched=True)
U2NETP = Architecture("u2netp", 320, _IMAGENET_MEAN, _IMAGENET_STD, "bicubic", by_maximum=True, stretched=True)
ISNET = Architecture("isnet", 1024, (128 / 255,) * 3, (256 / 255,) * 3, "bilinear")  # (x - 128) / 256 of 8-bit levels


@dataclass(frozen=True)
class Known:
    """A published file: the name it is kept under, its size, what it is."""

    file: str
    bytes: int
    architecture: Architecture


KNOWN = (
    Known("isnet-general-use.onnx", 178_648_008, ISNET),
    Known("isnet_fp16.onnx", 88_188_479, ISNET),
    Known("isnet_quint8.onnx", 44_342_436, ISNET),
    Known("u2net.onnx", 175_997_641, U2NET),
    Known("u2netp.onnx", 4_574_861, U2NETP),
)
"""Best first, measured on photographs of products: ISNet finds more of them than U²-Net, U²-Net more than U²-Net-P."""

_WORDS = (("isnet", ISNET), ("u2netp", U2NETP), ("u2net", U2NET), ("silueta", U2NET))
_BY_SIDE = {architecture.side: architecture for architecture in (U2NET, ISNET)}


def recognise(name: str, size: int) -> Known | None:
    """The published file that this is: by its exact size, whatever it is called, or by its name."""
    by_size = next((one for one in KNOWN if one.bytes == size), None)
    return by_size or next((one for one in KNOWN if one.file == PurePath(name).name.casefold()), None)


def by_rank(sizes: Mapping[str, int]) -> list[str]:
    """File names (each with its size in bytes), best first; files that are not recognised come last."""

    def rank(name: str) -> tuple[int, str]:
        network = recognise(name, sizes[name])
        return (KNOWN.index(network) if network else len(KNOWN), name)

    return sorted(sizes, key=rank)


def guess(name: str, side: int | None) -> Architecture | None:
    """What an unknown file probably is: by a word in its name, else by the side of its input."""
    plain = PurePath(name).name.casefold()
    named = next((architecture for word, architecture in _WORDS if word in plain), None)
    return named or _BY_SIDE.get(side or 0)
