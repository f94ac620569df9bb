"""What people call the jobs of a batch: by their photos, with as much of a photo's place as tells it from others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePath, PurePosixPath

from runner.batch.entries import Entry
from runner.console import clean_line
from runner.files.naming import safe_folder


def names_of(entries: Iterable[Entry]) -> dict[int, str]:
    """Job → its photo's name below the folder that was named; of photos from several folders, as much more of their
    places as it takes to tell them apart. Jobs of one photo share its name."""
    alike: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        alike[_name(entry)].append(entry)
    names: dict[int, str] = {}
    for name, those in alike.items():
        photos = {entry.id: PurePath(next(iter(entry.job.images.values()), "")) for entry in those}
        apart = _told_apart(set(photos.values()), len(PurePosixPath(name).parts))
        names |= {job: clean_line(apart[photo]) if len(apart) > 1 else name for job, photo in photos.items()}
    return names


def _name(entry: Entry) -> str:
    """The photo's name in the folder it came from; the result's, where there is no photo."""
    if not entry.job.images:
        return clean_line(entry.job.stem.as_posix())
    folders = entry.job.stem.parts[:-1]
    if folders and folders[-1] == safe_folder(PurePosixPath(entry.title).stem):  # of this job alone
        folders = folders[:-1]
    return clean_line("/".join((*folders, entry.title)))


def _told_apart(photos: set[PurePath], parts: int) -> dict[PurePath, str]:
    """Each photo by the end of its path, of `parts` parts or as many more as make the ends differ."""
    longest = max(len(photo.parts) for photo in photos)
    for length in range(parts, longest):
        ends = {photo: "/".join(photo.parts[-length:]) for photo in photos}
        if len(set(ends.values())) == len(photos):
            return ends
    return {photo: photo.as_posix() for photo in photos}
