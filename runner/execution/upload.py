"""Photos that a server had and has no more: its input folder was emptied, or its container was made anew."""

from __future__ import annotations

import re

from runner.errors import RunnerError
from runner.execution.job import Attempt
from runner.server.client import ComfyClient

_MISSING = re.compile(
    r"no such file|invalid \w+ file|not found|not exist|doesn't exist|cannot (?:find|open|identify)|missing|truncated",
    re.IGNORECASE,
)
"""What loaders say of a file that is not there, or not whole: Python, Pillow, ComfyUI. Whatever else names a file has
read it, and would say the same again."""


def lacks_photos(attempt: Attempt, error: RunnerError) -> bool:
    """Whether the server says that a photo of this job, which it was given, is not there."""
    is_named = any(upload.name in error.message for upload in attempt.spec.uploads)
    return is_named and _MISSING.search(error.message) is not None


def upload_again(client: ComfyClient, attempt: Attempt) -> None:
    """Give the server the job's photos once more; they have the names they had.

    Raises PhotoError where a photo cannot be read any more. Raises ServerUnavailableError where the server is away.
    """
    for upload in attempt.spec.uploads:
        photo = upload.source.prepare(client.largest_upload())
        client.upload_image(photo.data, photo.upload_name)
