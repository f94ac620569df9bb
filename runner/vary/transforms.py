"""The transforms: (guidance scale, strength) of each pass, and whether a pass begins where the last one ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner.errors import UsageError
from runner.suggest import did_you_mean


@dataclass(frozen=True)
class Pass:
    """One img2img pass. `scale`: how closely the prompt is followed; `strength` 0..1: how much is painted anew."""

    scale: float
    strength: float


@dataclass(frozen=True)
class Transform:
    """`chained`: each result feeds the next pass; otherwise every pass begins with the picture itself.

    `each`: pictures of every pass. `loops`: how often all passes are gone through, unless the user says.
    """

    name: str
    passes: tuple[Pass, ...]
    help: str
    chained: bool = False
    each: int = 1
    loops: int = 1

    @property
    def pictures(self) -> int:
        """In one loop."""
        return len(self.passes) * self.each

    def loop(self) -> Iterator[Pass]:
        """The passes of one loop, each as often as it is painted."""
        for one in self.passes:
            for _ in range(self.each):
                yield one


def _passes(*pairs: tuple[float, float]) -> tuple[Pass, ...]:
    return tuple(Pass(scale, strength) for scale, strength in pairs)


_NORMAL = _passes((6, 0.35), (7, 0.45), (10, 0.3))

TRANSFORMS: dict[str, Transform] = {
    one.name: one
    for one in (
        Transform("normal", _NORMAL, "three close variations"),
        Transform(
            "shake",
            _passes((10, 0.3), (5, 0.35), (9, 0.4), (6, 0.45), (8, 0.5), (7, 0.55)),
            "six kinds of variation, two of each",
            each=2,
        ),
        Transform("focus", _passes((7, 0.7), (8, 0.7), (9, 0.7)), "nearer to the prompt, further from the picture"),
        Transform("unstuck", _passes((5, 0.8), (6, 0.8), (7, 0.8)), "out of a dead end: little of the picture stays"),
        Transform("unfocus", _passes((3, 0.8), (3.5, 0.85), (4, 0.9)), "away from picture and prompt, more freely"),
        Transform("beast", _passes(*[(6, 0.35)] * 3), "three times over the same way", chained=True),
        Transform("god", _passes((6, 0.35), (9, 0.35), (11, 0.35)), "nearer to the prompt pass by pass", chained=True),
        Transform(
            "enhance",
            _passes((6, 0.2), (6, 0.2), (7, 0.3), (7, 0.5), (9, 0.2)),
            "gently, then boldly, then gently again",
            chained=True,
        ),
        Transform("finalize", _passes((8, 0.3), (11, 0.2), (15, 0.1)), "ever less change, ever closer", chained=True),
        Transform(
            "snake", _passes((6, 0.35), (8, 0.3), (6, 0.35), (8, 0.3)), "looser and closer in turn", chained=True
        ),
        Transform(
            "video",
            _NORMAL,
            "the passes of normal, every loop feeding the next: a film",
            chained=True,
            loops=8,
        ),
    )
}


def find_transform(name: str) -> Transform:
    """Raises UsageError that suggests the nearest name."""
    transform = TRANSFORMS.get(name.casefold())
    if transform is None:
        single = ", ".join(one.name for one in TRANSFORMS.values() if not one.chained)
        chained = ", ".join(one.name for one in TRANSFORMS.values() if one.chained)
        raise UsageError(
            f"there is no transform {name!r}.{did_you_mean(name, TRANSFORMS)}",
            advice=f"One pass each: {single}. Each result feeding the next: {chained}.",
        )
    return transform
