"""What of a recipe a shop would refuse, said before anything is made: it is made as the seller wrote it."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from runner.cli.recipe import Recipe
from runner.workflow.shop_musts import MUSTS, broken


def against_shops(args: argparse.Namespace, recipe: Recipe, inputs: Collection[str]) -> list[str]:
    """A sentence for each shop that is asked for, with the way out. `inputs`: those of the workflow."""
    if "channel" not in inputs:
        return []
    given = [text.partition("=") for text in args.set]
    typed = {name.strip().casefold(): value.strip() for name, _, value in given}
    one = typed.get("channel") or (recipe.look.channels[0] if len(recipe.look.channels) == 1 else "")
    taken = {word: (name, value) for word, name, value in recipe.values(inputs) if name.casefold() not in ("", *typed)}
    said = []
    for shop in args.channels or ((one,) if one else ()):
        faults = list(broken(shop, {word: value for word, (_, value) in taken.items()}))
        if faults:
            asked = ", ".join(f"{rule} ({word} is {taken[word][1]})" for word, rule, _ in faults)
            way = " ".join(f"--set {taken[word][0]}={value}" for word, _, value in faults)
            said.append(
                f"{MUSTS[shop.casefold()].title} asks for {asked}; its pictures will not pass. "
                f"For this shop alone: --channels {shop} {way}"
            )
    return said
