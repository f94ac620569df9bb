"""The photo that the bundled workflows name, put where 'Load Image' finds it: the first Run makes a picture."""

from __future__ import annotations

import logging
import os
from pathlib import Path

PHOTO = Path(__file__).parent.parent / "sample" / "handbag.jpg"


def offer_example_photo(folder: Path) -> bool:
    """Called once, at the start, with the input folder; returns whether the photo was put down.

    Whatever has its name, a link that leads nowhere included, stays as it is. A folder that cannot be written to is
    no reason for the pack not to start.
    """
    target = folder / PHOTO.name
    try:
        # Exclusive: what is there is neither written over nor followed.
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    except FileExistsError:
        return False
    except OSError as error:
        return _not_put(error)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(PHOTO.read_bytes())
    except OSError as error:
        target.unlink(missing_ok=True)  # half a photo would look like a damaged one
        return _not_put(error)
    return True


def _not_put(error: OSError) -> bool:
    logging.info("prodgen: the example photo of the workflows was not put into the input folder: %s", error)
    return False
