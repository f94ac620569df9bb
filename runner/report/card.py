"""One product on the page: its photo beside what was made of it, how it came out, and where its files are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePosixPath

from runner.console import clean_line
from runner.data import figure
from runner.files.verify import PICTURES
from runner.report.links import Links, can_be_shown
from runner.report.markup import Markup, data_block, element
from runner.report.product import Outcome, Product
from runner.report.record import sections
from runner.report.small import SIDE, SIDE_OF_MANY, Small, small_copy
from runner.untrusted import mapping, text

_FEW = 2
TILES = 4
"""Pictures of one side that a card shows; the viewer shows all."""


@dataclass(frozen=True)
class Shot:
    """One picture: what its file is called, its small copy (None: it cannot be shown), where it is in full size."""

    name: str
    small: Small | None
    full: str | None


@dataclass(frozen=True)
class Shots:
    """All pictures of a product, the links to its files: (what it says, address), and the address of its record."""

    photos: list[Shot]
    results: list[Shot]
    links: list[tuple[str, str]]
    record: str | None


def shots(product: Product, links: Links) -> Shots:
    """Read the pictures of a product. Two files with the same picture are one result: the first is shown."""
    side = SIDE if len(product.photos) <= _FEW else SIDE_OF_MANY
    photos = [
        Shot(path.name, small_copy(path, side) if product.shows(path) else None, links.photo(path))
        for path in product.photos
    ]
    names = [name for name in product.entry.files if Path(name).suffix.lower() in PICTURES]
    results: list[Shot] = []
    for name in names:
        shot = _result(name, links, SIDE if len(names) <= _FEW else SIDE_OF_MANY)
        if not any(_is_again(shot, one) for one in results):
            results.append(shot)
    addresses = [("Photo", photos[0].full)] if photos else []
    kinds = [PurePosixPath(name).suffix.lstrip(".").upper() or "File" for name in product.entry.files]
    if len(results) <= _FEW:
        addresses += [(kind, links.result(name)) for kind, name in zip(kinds, product.entry.files, strict=True)]
    if product.entry.files:
        addresses.append(("Folder", links.folder_of(product.entry.files[0])))
    kept = [(words, address) for words, address in addresses if address]
    record = None if product.entry.sidecar is None else links.result(product.entry.sidecar)
    return Shots(photos, results, kept, record)


def card(product: Product, shown: Shots, rank: int) -> Markup:
    """The product's `article`; `rank`: its place when the worst come first."""
    made = [section.as_data() for section in sections(product.entry, product.record)]
    words = "How it was made" if shown.results else "What was tried"
    small = [shot.small.address if shot.small else "" for shot in (*shown.photos, *shown.results)]
    return element(
        "article",
        _pair(product, shown),
        element(
            "div",
            element("h2", product.name),
            element("p", product.outcome.words, class_="state"),
            _facts(product),
            _listing(product),
            element("p", product.why, class_="why") if product.why and shown.results else None,
            element("p", product.note, class_="note") if product.note else None,
            _details(product),
            class_="words",
        ),
        element(
            "footer",
            *(_link(words, address, product.name) for words, address in shown.links),
            element("button", words, type="button", class_="made") if made else None,
        ),
        data_block({"small": small, "made": made, "record": shown.record or ""}),
        data_state=product.outcome.key,
        data_group=product.group,
        data_rank=rank,
        data_look="true" if product.wants_look else None,
        data_place=product.entry.id,
        data_seconds=figure(product.entry.metrics.get("seconds")) or 0,
        aria_label=f"{product.name}: {product.outcome.words}",
    )


def _is_again(shot: Shot, other: Shot) -> bool:
    """Whether this is the picture of the other file in another format."""
    if shot.small is None or other.small is None or Path(shot.name).suffix.lower() == Path(other.name).suffix.lower():
        return False
    return shot.small.shows_the_same_as(other.small)


def _result(name: str, links: Links, side: int) -> Shot:
    address = links.result(name)
    path = None if address is None else links.folder / name
    return Shot(PurePosixPath(name).name, None if path is None else small_copy(path, side), address)


def _pair(product: Product, shown: Shots) -> Markup:
    """Photo and result side by side; what failed says why in the place of the result."""
    sides = []
    if shown.photos:
        sides.append(_side("Photo", shown.photos, 0))
    if shown.results:
        sides.append(_side("Result", shown.results, len(shown.photos)))
    elif product.why:
        sides.append(element("p", product.why, class_="why instead"))
    else:
        files = ", ".join(PurePosixPath(name).name for name in product.entry.files)
        sides.append(element("p", files or product.outcome.words, class_="instead"))
    return element("div", *sides, class_="pair", data_sides=len(sides))


def _side(words: str, pictures: Sequence[Shot], first: int) -> Markup:
    tiles = [_tile(words, shot, first + number) for number, shot in enumerate(pictures)]
    more = len(tiles) - TILES
    apart = _told_apart([shot.name for shot in pictures[:TILES]])
    return element(
        "figure",
        element("div", *tiles, class_="tiles", data_tiles=min(len(tiles), TILES)),
        element(
            "figcaption", words, f": {', '.join(apart)}" if apart else None, f" · {more} more" if more > 0 else None
        ),
        class_=words.lower(),
    )


def _told_apart(names: Sequence[str]) -> list[str]:
    """What several files have of their own in their names, which begin alike: the shops they are for. Nothing where
    that is not so."""
    stems = [PurePosixPath(name).stem for name in names]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    shared = "".join(letters[0] for letters in alike).rpartition("_")
    apart = [stem.removeprefix(shared[0] + shared[1]) for stem in stems]
    return apart if len(set(stems)) > 1 and shared[1] and all(apart) else []


def _tile(words: str, shot: Shot, number: int) -> Markup:
    if shot.small is None:
        return element("span", shot.name, class_="none")
    return element(
        "button",
        element(
            "img",
            alt=f"{words}: {shot.name}",
            title=shot.name,
            width=shot.small.width,
            height=shot.small.height,
            data_small=number,
            class_="clear" if shot.small.is_cut_out else None,
        ),
        type="button",
        class_="tile",
        aria_label=f"{words} {shot.name}, in full size",
        data_full=shot.full if shot.full and can_be_shown(Path(shot.name)) else None,
        data_width=shot.small.full[0],
        data_height=shot.small.full[1],
    )


def _facts(product: Product) -> Markup | None:
    seconds = figure(product.entry.metrics.get("seconds"))
    facts = [
        None if product.confidence is None else f"cut-out {product.confidence:.0%} certain",
        None if product.delta_e00 is None else f"colour difference {product.delta_e00:.1f} (ΔE00)",
        None if seconds is None else f"{seconds:.1f} s",
    ]
    kept = [fact for fact in facts if fact is not None]
    return element("p", " · ".join(kept), class_="facts") if kept else None


def _listing(product: Product) -> Markup | None:
    """The title and the words that the picture carries, to be copied into a listing."""
    facts = mapping(product.record.get("listing"))
    title, alt = clean_line(text(facts.get("title"))), clean_line(text(facts.get("alt")))
    words = " – ".join(part for part in (title, alt) if part)
    return element("p", words, class_="listing") if words else None


def _details(product: Product) -> Markup | None:
    """All that was said, folded."""
    if (
        not product.why
        or not product.reasons
        or [reason.casefold() for reason in product.reasons] == [product.why.casefold()]
    ):
        return None
    made = product.outcome is Outcome.WARNED
    number = len(product.reasons)
    head = (f"All {number} reasons" if number > 1 else "In full") if made else "Why, and what to try"
    return element("details", element("summary", head), *(element("p", reason) for reason in product.reasons))


def _link(words: str, address: str, name: str) -> Markup:
    label = f"{words} of {name}"
    return element("a", words, href=address, target="_blank", rel="noopener noreferrer", aria_label=label)
