"""What the things of one picture rest on: where each touches the ground, and which do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from .contact import Contact, find_contact
from .corner import standing_contact

Worn = Callable[[Tensor, Tensor], "tuple[str, bool] | None"]
"""Asked which garment the product of a picture `[H,W,3]` and a mask `[H,W]` is: its name, and whether that is sure;
None for anything else."""


def resting(
    picture: Tensor, things: Sequence[Tensor], cut_off: Sequence[bool], worn: Worn | None
) -> tuple[list[Contact], list[tuple[str, bool]]]:
    """Where each of the `things` `[H,W]` of a `picture` `[H,W,3]` touches the ground, and the garments.

    Nowhere if the photo has `cut_off` its lower part, or if it is `worn`: a garment has a straight hem, but hangs, or
    lies spread out before a camera that looks down on it. One that could not stand, on the ground that others stand on,
    lies there: a coiled belt before a ball.
    """
    found = [standing_contact(thing) for thing in things]
    asked = [one.touches and not cut and worn is not None for one, cut in zip(found, cut_off, strict=True)]
    garments = [worn(picture, thing) if worn and ask else None for thing, ask in zip(things, asked, strict=True)]
    nowhere = [cut or one is not None for cut, one in zip(cut_off, garments, strict=True)]
    found = [replace(one, kind="none", touches=()) if off else one for one, off in zip(found, nowhere, strict=True)]
    ground = min((one.highest for one in found if one.touches), default=math.inf)
    contacts = [
        find_contact(thing, lies=True) if not (one.touches or off) and one.box.bottom > ground else one
        for thing, one, off in zip(things, found, nowhere, strict=True)
    ]
    return contacts, [one for one in garments if one is not None]
