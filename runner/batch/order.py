"""What a batch is to do, in plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.batch.landing import SETTLE_S
from runner.events.level import Level

if TYPE_CHECKING:
    from runner.batch.plan import BatchJob
    from runner.batch.rows import Row


@dataclass
class BatchOrder:
    """A batch as it is asked for: which workflow on which photos and rows, with what values, to where, by whom.

    The names are those of the options of `batch`, where each is explained.
    """

    workflow: str
    out: Path
    photos: list[str] = field(default_factory=list)
    images: str | None = None
    jobs: Path | None = None
    rows: tuple[Row, ...] = ()
    """What `jobs` would hold, already read: each is run on every photo."""
    watch: Path | None = None
    """A folder whose photos are made as they land."""
    settle: float = SETTLE_S
    prompt: list[str] = field(default_factory=list)
    set: list[str] = field(default_factory=list)
    """NAME=VALUE each."""
    one_each: bool = False
    """Every `set` is one value, as `submit` takes it: none of them is tried one after the other."""
    alike: bool = False
    """What is set must be the same whenever it goes on: its results are put together, and would be there twice."""
    channels: tuple[str, ...] = ()
    """Shops whose pictures one job makes."""
    seed: int | None = None
    seeds: str | None = None
    count: int = 1
    name: str | None = None
    leave_out: Callable[[Path], bool] | None = None
    """Photos that need nothing."""
    takes_results: bool = False
    """What was made here is asked about as well, where it is named: it is no slip of a pattern."""
    alone: Callable[[BatchJob, str], str] | None = None
    """The command that asks for one of the jobs by itself, in the same folder, with one setting (NAME=VALUE) more."""
    joined: bool = False
    """Go on with what the ledger in `out` holds, whoever put it there (`runner.batch.joining`), and with what joins it
    meanwhile; nothing new is named here, and what failed stays failed."""
    dry_run: bool = False
    metrics: Path | None = None
    watts: float | None = None
    server: list[str] = field(default_factory=list)
    servers: Path | None = None
    ca_file: Path | None = None
    insecure: bool = False
    ray: str | None = None
    ray_workers: int | None = None
    timeout: float | None = None
    smoke: bool = False
    strict: bool = False
    open: bool = False
    json: bool = False
    level: Level = Level.NORMAL
