"""Fix Product Color against core's Transfer Color on the same product, in one run.

Core's node takes no masks, so it gets what it needs for the same work: both pictures cropped to the product, and its
result put back through the mask. Besides the times, the error to the known truth of the made pair (mean ΔE00).

    .venv/bin/python -m benchmarks.color --sizes 1024,2048,4096

needs a ComfyUI with its requirements in the Python that runs it (PRODGEN_COMFYUI, or the one install.py made).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.color.fix import Method, Settings, fix_color  # noqa: E402 - the repository is not installed
from prodgen_nodes.imaging.colorspace import linear_to_srgb, srgb_to_linear  # noqa: E402

from benchmarks.harness import Row, arguments, compare, import_core, write  # noqa: E402
from tests.imaging.color_pairs import Pair, jar  # noqa: E402

PEERS: dict[Method, str] = {"lab_reinhard": "reinhard_lab", "lab_mkl": "mkl_lab", "lab_histogram": "histogram"}


def core_transfer(device: str) -> Callable[[Tensor, Tensor, str], Tensor]:
    """Core's own function, outside the server."""
    import_core(device)
    from comfy_extras.nodes_post_processing import ColorTransfer

    def transfer(target: Tensor, reference: Tensor, method: str) -> Tensor:
        options: dict[str, Any] = {"source_stats": "per_frame"}
        result: Tensor = ColorTransfer.execute(target, reference, method, options).result[0]
        return result

    return transfer


def cropped(pair: Pair, transfer: Callable[[Tensor, Tensor, str], Tensor], method: str) -> Tensor:
    """What a user of core builds: crop both, transfer, put back by the mask in linear light."""
    rows, columns = (torch.nonzero(pair.mask[0].amax(dim=axis) > 0).flatten() for axis in (1, 0))
    area = (slice(None), slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    moved = transfer(pair.generated[area], pair.original[area], method)
    result = pair.generated.clone()
    before = srgb_to_linear(pair.generated[area])
    mixed = torch.lerp(before, srgb_to_linear(moved.clamp(0, 1)), pair.mask[area].unsqueeze(-1))
    result[area] = linear_to_srgb(mixed)
    return result


def main() -> None:
    options = arguments(str(__doc__).splitlines()[0])
    transfer = core_transfer(options.device)
    rows: list[Row] = []
    for side in (int(text) for text in options.sizes.split(",")):
        made = jar(side=side)
        pair = Pair(*(part.to(options.device) for part in (made.original, made.generated, made.truth, made.mask)))
        for method in ("relight_original", *PEERS):
            peer = PEERS.get(method, "mkl_lab")

            def ours(method: Method = method, pair: Pair = pair) -> Tensor:
                return fix_color(pair.generated, pair.original, pair.mask, None, Settings(method))[0]

            def theirs(peer: str = peer, pair: Pair = pair) -> Tensor:
                return cropped(pair, transfer, peer)

            note = f"ΔE00 to truth {pair.error(ours()):.2f} / {pair.error(theirs()):.2f}"
            work = f"{method}, {side}²"
            rows.append(compare(work, str(side), ours, f"core {peer}, cropped", theirs, runs=options.runs, note=note))
    write(rows, options.json)


if __name__ == "__main__":
    main()
