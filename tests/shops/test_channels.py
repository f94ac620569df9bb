"""The marketplace presets: every one must satisfy its own rules, and a seller's wish must not loosen them."""

from __future__ import annotations

import pytest
from prodgen_nodes.imaging.errors import ParameterError
from prodgen_nodes.shops.channels import CHANNELS, channel_named

from tests.support.comfy import PACK

NAMES = ("master", "amazon", "google", "zalando", "shopify", "ebay", "etsy", "walmart", "temu")


def test_the_published_names_are_there_in_order() -> None:
    """Shops that are added later follow them."""
    assert tuple(CHANNELS)[: len(NAMES)] == NAMES


@pytest.mark.parametrize("name", list(CHANNELS))
def test_a_preset_satisfies_its_own_rules(name: str) -> None:
    channel = CHANNELS[name]
    low, high = channel.fill_range or (0.0, 1.0)
    assert low <= channel.fill <= high
    assert channel.least[0] <= channel.width <= channel.most[0]
    assert channel.least[1] <= channel.height <= channel.most[1]
    assert channel.max_pixels is None or channel.width * channel.height <= channel.max_pixels
    assert max(channel.width, channel.height) >= channel.zoom
    assert channel.background == "#ffffff"
    assert channel.allows_shadow or channel.shadow == 0.0


def test_the_masters_picture_and_fill_suit_every_shop_that_states_a_fill() -> None:
    master = CHANNELS["master"]
    for channel in CHANNELS.values():
        low, high = channel.fill_range or (0.0, 1.0)
        assert low <= master.fill <= high, channel.name
        assert min(master.width, master.height) >= max(channel.least), channel.name
    assert (master.width, master.height, master.fill) == (2000, 2000, 0.86)


@pytest.mark.parametrize(
    ("name", "limit"), [("amazon", 10e6), ("google", 16e6), ("ebay", 12e6), ("walmart", 5e6), ("temu", 2e6)]
)
def test_size_limits(name: str, limit: float) -> None:
    assert CHANNELS[name].max_bytes == limit


def test_walmarts_own_numbers() -> None:
    walmart = CHANNELS["walmart"]
    assert (walmart.aspect, walmart.zoom, walmart.width, walmart.height) == ((1, 1), 1500, 2200, 2200)


@pytest.mark.parametrize("name", list(CHANNELS)[1:])
def test_every_shops_rules_name_a_page_and_a_date(name: str) -> None:
    sources = CHANNELS[name].sources
    assert {"pixels", "bytes"} & set(sources)
    assert all("20" in page and "." in page for page in sources.values())


def test_wishes_replace_the_preset_but_not_the_shops_limits() -> None:
    wished = channel_named("amazon", width=900, height=1200, fill=0.7, background="#f0f0f0", shadow=0.5)
    assert (wished.width, wished.height, wished.fill, wished.background, wished.shadow) == (
        900, 1200, 0.7, "#f0f0f0", 0.5
    )  # fmt: skip
    assert wished.fill_range == (0.85, 1.0)
    assert wished.white
    assert not wished.allows_shadow


def test_nothing_wished_is_the_preset_itself() -> None:
    assert channel_named("ebay", width=0, height=0, fill=0.0, background=" ", shadow=-1.0) == CHANNELS["ebay"]


@pytest.mark.parametrize(
    ("wish", "word"),
    [({"fill": 1.5}, "fill"), ({"background": "white"}, "background"), ({"shadow": 2.0}, "shadow")],
)
def test_an_impossible_wish_is_named(wish: dict[str, float | str], word: str) -> None:
    with pytest.raises(ParameterError, match=word):
        channel_named("master", **wish)  # type: ignore[arg-type]  # the point of the test


def test_an_unknown_channel_lists_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="amazon"):
        channel_named("bazaar")


def test_every_channel_has_its_row_on_the_help_page() -> None:
    """With the smallest picture that it takes, in pixels, and the longest side from which it offers a zoom."""
    page = (PACK / "web" / "docs" / "ProdgenChannel.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if "| `" in line[:3]]
    told = {row[0].strip("`"): row[-2:] for row in rows}
    asked = {name: [f"{one.least[0]} × {one.least[1]}", str(one.zoom)] for name, one in CHANNELS.items()}
    assert told == asked
