"""A 108-megapixel photo is prepared within bounds: measured as the peak of a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

# ru_maxrss of a child starts at what its parent held; the kernel's own mark of the new program does not
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from /proc")

PROGRAM = """
import sys
from runner.photos.prepare import prepare_photo
photo = prepare_photo(sys.argv[1])
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(photo.width, photo.height, int(photo.unchanged), int(peak) // 1024)
"""


def prepared(path: Path) -> tuple[int, int, bool, int]:
    """(width, height, unchanged, peak MiB)"""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    width, height, unchanged, peak = map(int, done.stdout.split())
    return width, height, bool(unchanged), peak


def large_jpeg(path: Path, **options: object) -> Path:
    picture = Image.linear_gradient("L").resize((12_000, 9_000), Image.Resampling.BILINEAR)
    picture.convert("RGB").save(path, quality=60, **options)
    return path


@pytest.mark.timeout(300)
def test_a_large_plain_photo_is_checked_without_holding_its_pixels(tmp_path: Path) -> None:
    width, height, unchanged, peak = prepared(large_jpeg(tmp_path / "large.jpg"))
    assert (width, height, unchanged) == (12_000, 9_000, True)
    assert peak < 150


@pytest.mark.timeout(300)
def test_a_large_turned_photo_stays_within_three_copies(tmp_path: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    width, height, unchanged, peak = prepared(large_jpeg(tmp_path / "large.jpg", exif=tags))
    assert (width, height, unchanged) == (9_000, 12_000, False)
    assert peak < 1_100
