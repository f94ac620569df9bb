"""Which masks were cut out here, and of which photo: a photo that was taken again has another product in it."""

from __future__ import annotations

import re
from pathlib import Path

from runner.errors import UsageError
from runner.files.hashes import content_sha256
from runner.files.reading import read_text
from runner.files.whole import written_whole

_LIST = Path(".prodgen") / "cut.txt"
_LINE = re.compile(r"([0-9a-f]{64})  ([0-9a-f]{64})  (.+)")
"""Hash of the mask, hash of its photo, name of the mask."""


class CutMasks:
    """The masks in `folder`, with the hash of the photo that each was cut from.

    A mask of which nothing is noted is somebody's own: it is taken for what it is.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            lines = read_text(folder / _LIST, errors="replace").split("\n")
        except OSError:
            lines = []
        self._noted = {match[3]: (match[1], match[2]) for line in lines if (match := _LINE.fullmatch(line))}

    def is_of(self, mask: Path, photo: Path) -> bool:
        """Whether a mask belongs to the photo as it is now; False: it was cut from another and is to be cut anew.

        Raises UsageError where it was cut from another photo and mended by hand since: that work is not thrown away.
        """
        noted = self._noted.get(mask.name)
        if noted is None or noted[1] == content_sha256(photo):
            return True
        if noted[0] == content_sha256(mask):
            return False
        raise UsageError(
            f"{mask} was mended by hand, and {photo.name} is another photo since.",
            advice="Delete the mask, and it is cut anew; or put it into a folder for --masks where it fits.",
        )

    def note(self, mask: Path, photo: Path) -> None:
        """Keep of which photo a mask was cut just now."""
        self._noted[mask.name] = (content_sha256(mask), content_sha256(photo))
        with written_whole(self.folder / _LIST, newline="\n") as stream:
            stream.writelines(f"{own}  {of}  {name}\n" for name, (own, of) in sorted(self._noted.items()))
