"""Product Fidelity's colour and structure figures against scikit-image's on the same pixels, in one run.

scikit-image gets only what both must do: CIELAB of both pictures, CIEDE2000, and the SSIM map with a Gaussian window.
The node's whole judgement (placing the product, outline, standing) is the second row of each size.

    .venv/bin/python -m benchmarks.fidelity --sizes 1024,2048,4096
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from skimage import color
from skimage.metrics import structural_similarity

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "custom_nodes")]

from prodgen_nodes.imaging.fidelity import pixels  # noqa: E402 - the repository is not installed
from prodgen_nodes.imaging.fidelity.judge import Settings, judge  # noqa: E402

from benchmarks.harness import Row, arguments, compare, write  # noqa: E402
from tests.imaging.color_pairs import jar  # noqa: E402


def peer(found: np.ndarray, expected: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    difference = color.deltaE_ciede2000(color.rgb2lab(found), color.rgb2lab(expected))[inside]
    _, structure = structural_similarity(
        color.rgb2gray(found),
        color.rgb2gray(expected),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        full=True,
    )
    return float(difference.mean()), float(structure[inside].mean())


def main() -> None:
    options = arguments(str(__doc__).splitlines()[0])
    rows: list[Row] = []
    for side in (int(text) for text in options.sizes.split(",")):
        pair = jar(side=side)
        found, expected = pair.generated.to(options.device), pair.truth.to(options.device)
        mask = pair.mask.to(options.device)
        inside = mask[0] > 0.99
        arrays = (pair.generated[0].numpy(), pair.truth[0].numpy(), inside.cpu().numpy())
        ours, theirs = pixels.compare(found[0], expected[0], inside), peer(*arrays)
        note = f"ΔE00 {ours.delta_e00_mean:.3f} / {theirs[0]:.3f}, SSIM {ours.ssim:.4f} / {theirs[1]:.4f}"
        work = [
            ("ΔE00, hue and SSIM", lambda f=found, e=expected, i=inside: pixels.compare(f[0], e[0], i), note),
            ("whole judgement", lambda f=found, e=expected, m=mask: judge(f, e, m, None, Settings()), ""),
        ]
        for name, call, text in work:
            row = compare(
                name,
                str(side),
                call,
                "scikit-image ΔE00 + SSIM",
                lambda a=arrays: peer(*a),
                runs=options.runs,
                note=text,
            )
            rows.append(row)
    write(rows, options.json)


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main()
