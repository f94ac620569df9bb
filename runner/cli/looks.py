"""The options that say how a brand's pictures look, for which shops they are, and where new photos come from."""

from __future__ import annotations

import argparse

from runner.batch.landing import SETTLE_S
from runner.cli.parser import in_help, local_path, seconds


def add_look_arguments(parser: argparse.ArgumentParser) -> None:
    """How every picture of a brand looks, and for which shops it is made."""
    parser.add_argument(
        "--recipe",
        type=local_path,
        metavar="FILE.yaml",
        help="one look for all products: backdrop, light, shadow, fill, seed, LoRA, shops, names of the results "
        f"({in_help('help', 'recipes')}); what is typed wins over it",
    )
    parser.add_argument(
        "--channels",
        type=_shops,
        default=(),
        metavar="SHOP,SHOP",
        help="the pictures of all these shops from one cut-out, in one job; each is called by its shop",
    )
    add_signing_arguments(parser)


def add_signing_arguments(parser: argparse.ArgumentParser) -> None:
    """Who signs the pictures."""
    for option, what in (("--c2pa-cert", "this certificate (PEM, with its chain)"), ("--c2pa-key", "its key (PEM)")):
        parser.add_argument(
            option,
            type=local_path,
            metavar="FILE.pem",
            help=f"sign every picture with {what}: Content Credentials that say how it was made",
        )


def _shops(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("it is empty")
    return names


def add_watch_arguments(parser: argparse.ArgumentParser) -> None:
    """Where photos land, and when one has."""
    parser.add_argument(
        "--watch",
        type=local_path,
        metavar="DIR",
        help="make photos as they land in this folder (with all below it), once each, until Ctrl-C or --timeout; the "
        "same command goes on. A photo that is replaced under its old name is not made again",
    )
    parser.add_argument(
        "--settle",
        type=seconds,
        default=SETTLE_S,
        metavar="S",
        help=f"with --watch: how long a photo stands still before it is taken (default: {SETTLE_S:g})",
    )
