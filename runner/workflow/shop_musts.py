"""What shops insist on that a brand's look can break: known here so that it is said before anything is made.

The rules themselves are the pack's, which checks every picture by them; a test holds these to those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WHITE = ("#ffffff", "#fff", "white")


@dataclass(frozen=True)
class Musts:
    """`title`: what people call the shop; `white`: a pure white ground; `bare`: no shadow; `fill`: the product's share
    of the frame, from and to; `own`: the share that is its own choice."""

    title: str
    white: bool = True
    bare: bool = False
    fill: tuple[float, float] | None = None
    own: float = 0.86


MUSTS: Mapping[str, Musts] = {
    "master": Musts("Master", fill=(0.85, 0.90)),
    "amazon": Musts("Amazon", bare=True, fill=(0.85, 1.0), own=0.88),
    "google": Musts("Google", fill=(0.75, 0.90), own=0.84),
    "zalando": Musts("Zalando", bare=True),
    "shopify": Musts("Shopify", white=False),
    "ebay": Musts("eBay", white=False, fill=(0.80, 0.90), own=0.85),
    "etsy": Musts("Etsy", white=False),
    "walmart": Musts("Walmart", bare=True),
    "temu": Musts("Temu", bare=True),
}


def broken(shop: str, look: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(the word of `look` that breaks a rule of this shop, what the shop asks for, a value that keeps it); `look`:
    `backdrop`, `shadow`, `fill`, those that are given. A shop that is not known asks for nothing."""
    musts = MUSTS.get(shop.casefold())
    if musts is None:
        return
    backdrop, shadow, fill = (look.get(word) for word in ("backdrop", "shadow", "fill"))
    if musts.white and isinstance(backdrop, str) and backdrop.strip() and backdrop.strip().casefold() not in _WHITE:
        yield "backdrop", "a pure white ground", "#ffffff"
    if musts.bare and _number(shadow) > 0:
        yield "shadow", "no shadow", "0"
    if musts.fill is not None and _number(fill) > 0 and not musts.fill[0] <= _number(fill) <= musts.fill[1]:
        yield "fill", f"{musts.fill[0]:.0%} to {musts.fill[1]:.0%} of the frame", f"{musts.own:g}"


def _number(value: Any) -> float:
    """0 where it is none: the shop's own."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
