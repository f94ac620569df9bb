"""The page: totals that filter, a card for each product, a viewer in full size, and the figures at the end.

It is one file that needs no other and no network: small copies of the pictures are in it, and what a browser may do
with it is said in it (a content security policy by which nothing but its own script and style runs). In full size it
shows the files themselves, where they still are.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from runner.batch.ledger import Ledger
from runner.console import clean_line
from runner.files import spreadsheet
from runner.files.whole import written_whole
from runner.report.card import card, shots
from runner.report.figures import figures
from runner.report.links import Links
from runner.report.markup import Markup, data_block, element, join
from runner.report.product import Outcome, Product, products
from runner.report.small import any_picture

PAGE_BEGINS = (
    b'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy"',
    b'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport"',  # of earlier versions
)
"""How a page of ours is told from somebody's own."""
_HERE = Path(__file__).parent
_TOTALS = (Outcome.PASSED, Outcome.LOOK, Outcome.WARNED, Outcome.REFUSED, Outcome.FAILED, Outcome.OPEN)
_SORTS = {"rank": "worst first", "place": "as in the batch", "name": "by name", "seconds": "slowest first"}


def write_page(
    target: Path,
    folder: Path,
    ledger: Ledger,
    watts: float | None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Write the page whole or not at all. Pictures that cannot be shown are named instead.

    `progress` is told after each product: how many are through, of how many.
    """
    listed = sorted(products(ledger, folder), key=lambda product: product.doubt, reverse=True)
    title = _title(ledger.facts().get("workflow", "").partition(" ")[0], folder, listed)
    with any_picture(), written_whole(target, errors="backslashreplace") as stream:
        stream.write(_head(title))
        stream.write(_top(title, listed))
        for done, written in enumerate(_cards(listed, Links(target, folder)), 1):
            stream.write(written)
            progress(done, len(listed))
        stream.write(_end(listed, watts))


def _title(workflow: str, folder: Path, listed: Sequence[Product]) -> str:
    shops = sorted({clean_line(shop) for product in listed for shop in product.shops})
    return f"{workflow}{' for ' if shops else ''}{', '.join(shops)} – {folder.resolve().name}"


def _head(title: str) -> str:
    style, script = _asset("page.css"), _script()
    allowed = f"style-src {_hash(style)}; script-src {_hash(script)}; img-src data: file: 'self'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", style),
    )
    return f'<!doctype html>\n<html lang="en">{head}<body>\n'


def _top(title: str, listed: Sequence[Product]) -> Markup:
    counts = Counter(product.outcome for product in listed)
    totals = [_total("", "All", len(listed), chosen=True)]
    totals += [_total(outcome.key, outcome.words, counts[outcome]) for outcome in _TOTALS if counts[outcome]]
    groups = sorted({product.group for product in listed} - {""})
    return join(
        element("header", element("h1", title)),
        element(
            "div",
            element("div", *totals, class_="totals", role="group", aria_label="Show"),
            *_controls(groups),
            class_="controls",
            role="search",
        ),
        Markup('<main id="products">\n'),
    )


def _total(key: str, words: str, number: int, *, chosen: bool = False) -> Markup:
    inside = (element("b", str(number)), " ", element("span", words))
    pressed = "true" if chosen else "false"
    return element("button", *inside, type="button", data_filter=key, aria_pressed=pressed)


def _controls(groups: Sequence[str]) -> Iterable[Markup]:
    yield _field("Search", element("input", id="find", type="search", placeholder="name or reason", autocomplete="off"))
    sorts = [element("option", words, value=key) for key, words in _SORTS.items()]
    yield _field("Order", element("select", *sorts, id="sort"))
    if groups:
        options = [element("option", "all", value=""), *(element("option", group, value=group) for group in groups)]
        yield _field("Group", element("select", *options, id="group"))
    yield element("button", "Larger pictures", type="button", id="larger", aria_pressed="false")
    yield element("button", "Copy names", type="button", id="copy")
    yield element("p", id="said", role="status")


def _field(words: str, control: Markup) -> Markup:
    return element("label", element("span", words), control)


def _cards(listed: Sequence[Product], links: Links) -> Iterable[Markup]:
    """A card after the other, their pictures read on all processors."""
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        for rank, (product, shown) in enumerate(
            zip(listed, pool.map(partial(shots, links=links), listed), strict=True)
        ):
            yield join(card(product, shown, rank), Markup("\n"))
    finally:
        pool.shutdown(cancel_futures=True)


def _end(listed: Sequence[Product], watts: float | None) -> Markup:
    ordered = sorted(listed, key=lambda product: product.entry.id)
    names = [spreadsheet.cell(product.name.replace("\t", " ")) for product in listed]  # one cell each
    return join(
        Markup("</main>\n"),
        element("p", "Nothing is shown: no product fits the search.", id="nothing", hidden=True),
        figures([product.entry for product in ordered], watts),
        _asset("dialogs.html"),
        element("div", data_block(names), id="names", hidden=True),
        element("script", _script()),
        Markup("</body></html>\n"),
    )


def _asset(name: str) -> Markup:
    return Markup((_HERE / name).read_text(encoding="utf-8"))


def _script() -> Markup:
    return Markup(_asset("page.js") + _asset("viewer.js"))


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
