"""What is said of a shadow: where the product touches, what a person should look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from .contact import Contact
from .light import Light

_HANGS = "the product seems to hang or fly, so it got no shadow; if it stands, a foot may be missing: look at it"
"""What a person is asked to look at: nothing else tells a necklace from a chair whose leg was cut away."""

_WORN = "the product was taken for a garment, so it got no shadow; look whether it is one"
"""What is asked where the network that said so was not sure."""


def shadow_report(
    contact: Contact, shadow: Tensor, light: Light, garments: Sequence[tuple[str, bool]], *, was_cut_off: bool
) -> dict[str, Any]:
    """The report of one picture with its `shadow` `[H,W]`: facts, notes, and what a person should look at."""
    height = shadow.shape[0]
    notes = []
    if was_cut_off:
        notes.append(
            "The photo's lower border cuts the product off: where it ends it stands on nothing, so it got no shadow "
            "there. Photograph it whole to have one."
        )
    elif garments:
        names = ", ".join(name for name, _ in garments)
        notes.append(
            f"What is worn hangs or lies spread out, so it got no shadow: {names}. If that is not what the product is, "
            "remove the network that took it for one from ComfyUI's models/classifiers."
        )
    elif not contact.touches:
        notes.append(
            "The product seems to hang or fly: it could not stand on what is lowest of it, so it got no shadow. If it "
            "does stand, look at the cut-out: a foot may be missing."
        )
    elif contact.lowest > height - 2:
        notes.append("The product stands on the picture's lower border: place it higher to leave room for its shadow.")
    border = max(float(shadow[edge].max()) for edge in (0, -1)), max(float(shadow[:, edge].max()) for edge in (0, -1))
    if max(border) > 0 and not notes:
        notes.append("The shadow reaches the picture's border: make the product smaller or the shadow softer.")
    return {
        **contact.report(),
        "darkest": float(shadow.max()),
        "shaded_share": float((shadow > 1 / 512).float().mean()),
        "reaches_border": max(border) > 0,
        "contact_only": light.contact_only,
        "notes": notes,
        "doubts": [] if light.darkest <= 0 else _doubts(contact, garments, was_cut_off=was_cut_off),
    }


def _doubts(contact: Contact, garments: Sequence[tuple[str, bool]], *, was_cut_off: bool) -> list[str]:
    if garments:
        return [] if all(sure for _, sure in garments) else [_WORN]
    return [] if contact.touches or was_cut_off else [_HANGS]
