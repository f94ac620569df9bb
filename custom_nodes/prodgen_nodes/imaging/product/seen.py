"""What a network that knows ImageNet's classes says of a kind that was guessed by the outline.

An outline alone takes headphones for a bag with a handle, and a necklace for a thing on legs. Such a network knows few
products by their right name, but families of them well: so it takes back what is of no such family, and names a family
where the outline says nothing. Suitcases, cases and boxes are no class of ImageNet's; of them it says nothing.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from .kinds import Guess

BAGS = (414, 588, 597, 636, 728, 748, 790)
"""backpack, hamper, holster, mailbag, plastic bag, purse, shopping basket"""
FURNITURE = (
    423, 431, 453, 493, 495, 516, 520, 526, 532, 548, 553, 559, 564, 648, 703, 708, 736, 765, 831, 846, 857, 861, 894,
)  # fmt: skip
"""Chairs, tables, beds, cabinets, benches, a table lamp, a pedestal"""
CONTAINERS = (
    438, 440, 441, 463, 470, 503, 504, 505, 521, 551, 572, 585, 631, 647, 653, 666, 680, 711, 720, 725, 737, 738, 773,
    804, 838, 849, 855, 883, 898, 899, 901, 907, 968,
)  # fmt: skip
"""Bottles, jars, cups, pots, jugs, vases, and what is sold in such: lotion, perfume, powder, pills, a candle"""
SHOES = (502, 514, 630, 770, 774)
"""clog, cowboy boot, Loafer, running shoe, sandal"""
_FAMILY = {
    "handbag": BAGS, "shoulder_bag": BAGS, "tote": BAGS, "mug": CONTAINERS, "jar": CONTAINERS, "bottle": CONTAINERS,
    "shoe": SHOES, "furniture": FURNITURE,
}  # fmt: skip
_NONE = 0.1
"""Below this probability of its family a guess is taken back. Of 180 photographs of small sellers 37 are guessed to be
of one: 12 stay, with .15 to .75, all rightly; 25 go, all but perhaps a tripod rightly: headphones and trousers that
were handbags, a computer and speakers that were jars, jewellery, toys and a bicycle that were furniture."""
_SURELY = {"furniture": (FURNITURE, 0.3, 0.6), "shoe": (SHOES, 0.3, 0.7), "handbag": (BAGS, 0.7, 0.6)}
"""Kind: its family, from which probability on it is named where the outline says nothing, and the confidence then. Of
those photographs seven chairs, lamps, benches and shelves (.32 to .79), four shoes (.32 to .78) and a bag (.80); a
cushion is a bag of .6, a cap one of .3."""
_UNKNOWN = ("other", "box", "clutch")


def witnessed(guess: Guess, probabilities: Tensor) -> Guess:
    """The `guess`, or what the `probabilities` `[1000]` of ImageNet's classes make of it."""
    family = _FAMILY.get(guess.kind)
    if family is not None and float(probabilities[list(family)].sum()) < _NONE:
        reason = f"its outline is like that of a {guess.noun}, but it is not seen as one"
        guess = Guess("other", 0.5, reason, "", "nothing in the photo shows it", None)
    if guess.kind not in _UNKNOWN:
        return guess
    for kind, (members, least, confidence) in _SURELY.items():
        if float(probabilities[list(members)].sum()) >= least:
            return replace(guess, kind=kind, confidence=confidence, reason="it is seen as one, whatever its outline")
    return guess
