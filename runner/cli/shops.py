"""The shops that pictures are made for, and what each asks: the table of the node 'Marketplace Preset', in lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from runner.files.reading import read_text
from runner.invocation import spell
from runner.workflow.load import WORKFLOWS_DIR, load_workflow
from runner.workflow.schema import recorded_object_info

_PAGE = WORKFLOWS_DIR.parent / "custom_nodes" / "prodgen_nodes" / "web" / "docs" / "ProdgenChannel.md"
WORDS = ("channels", "channel", "shops", "shop")
"""What people call the list of them."""


@cache
def shops() -> tuple[str, ...]:
    """What they are called in `--set channel=…`."""
    specs = load_workflow("packshot").inputs(recorded_object_info(WORKFLOWS_DIR))
    return tuple(str(option) for spec in specs if spec.name == "channel" for option in spec.options or ())


@cache
def rules() -> Mapping[str, Mapping[str, str]]:
    """Shop → what it asks, by the heads of the table; a shop without a row asks nothing that is known."""
    heads: list[str] = []
    found: dict[str, dict[str, str]] = {name: {} for name in shops()}
    for cells in _rows():
        name = cells[0].strip("`")
        if name in found and heads:
            found[name] = dict(zip(heads[1:], cells[1:], strict=False))
        elif cells[0] == "channel":
            heads = cells
    return found


def _rows() -> Iterator[list[str]]:
    try:
        lines = read_text(_PAGE).splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip().strip("|").split("|")]


def overview() -> list[tuple[str, list[str]]]:
    """Every shop in a line, as blocks of a help."""
    lines = [f"{name}: {_short(asked)}" if asked else name for name, asked in rules().items()]
    more = [
        "Collected in November 2026; shops change them. What a finished picture breaks is said with it, and in its "
        ".json.",
        f"All that one asks: {spell('help', shops()[1])}. Several at once: --channels {','.join(shops()[1:3])}.",
        f"What else can be made: {spell('workflows')}.",
    ]
    return [("examples:", _examples(shops()[1])), ("shops:", lines), ("what holds:", more)]


def about(name: str) -> list[tuple[str, list[str]]]:
    """One shop, as blocks of a help."""
    asked = [f"{head}: {cell}" for head, cell in rules()[name].items()]
    return [
        ("examples:", _examples(name)),
        (f"{name}, what it asks of a main picture (November 2026):", asked or ["nothing is known"]),
        ("more:", [
            "width, height, fill, background and shadow set another (--set width=1600 …); the report says where that "
            f"breaks a rule. The other shops: {spell('channels')}",
        ]),
    ]  # fmt: skip


def _examples(name: str) -> list[str]:
    return [
        f"  {spell('packshot', 'photo.jpg', '--set', f'channel={name}')}",
        f"  {spell('packshot', 'photos/', '--set', f'channel={name}')}",
    ]


def _short(asked: Mapping[str, str]) -> str:
    pixels, fills, background, shadow, file, *_ = [*asked.values(), *[""] * 5]
    parts = [pixels, f"product {fills}" if fills else "", background, f"shadow: {shadow}" if shadow else "", file]
    return ", ".join(part for part in parts if part)
