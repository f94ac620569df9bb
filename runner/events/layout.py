"""The columns of live bars: of fixed width, so that nothing jumps, on a terminal of any width."""

from __future__ import annotations

from rich.console import Console, ConsoleDimensions
from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

_BAR, _LABEL = (8, 24), (12, 32)
"""Columns, at least and at most: on sixty columns there is still room for what is being done."""
_NARROWEST = 20
"""Columns: a bar and a number still fit; a window that says it has fewer says it by mistake."""


class LiveConsole(Console):
    """Leaves room at the edge for the `^C` that a terminal shows: it would wrap there, and the bar above it stay."""

    @property  # type: ignore[misc]  # nobody sets it here
    def size(self) -> ConsoleDimensions:
        whole = super().size
        return ConsoleDimensions(max(_NARROWEST, whole.width - len("^C ")), whole.height)


def columns(width: int) -> tuple[ProgressColumn, ...]:
    """Spinner, label, bar, time so far, and behind them what is being done, as far as it fits."""
    bar = min(max(width // 6, _BAR[0]), _BAR[1])
    label = min(max(width // 4, _LABEL[0]), _LABEL[1])
    one_line = {"no_wrap": True, "overflow": "ellipsis"}
    return (
        SpinnerColumn(),
        TextColumn("{task.fields[label]}", markup=False, table_column=Column(width=label, **one_line)),  # type: ignore[arg-type]
        BarColumn(bar_width=bar),
        TimeElapsedColumn(table_column=Column(width=7, no_wrap=True)),
        TextColumn("{task.fields[state]}", markup=False, table_column=Column(ratio=1, **one_line)),  # type: ignore[arg-type]
    )
