"""Files on their way: as a form that uploads one, and as the pieces of one that is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.http.transport import NoAnswerError, TooLargeError

LARGEST_FILE = 16 << 30
"""Bytes of a result that is fetched; some minutes of uncompressed video."""


def complete(chunks: Iterator[bytes], announced: int | None, largest: int, name: str) -> Iterator[bytes]:
    """The pieces, if they are as many bytes as were announced, and no more than `largest`."""
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if max(received, announced or 0) > largest:
            raise TooLargeError(
                f"The server's file {name} is larger than {largest / 2**30:.1f} GB, which is more than is fetched.",
                advice="Fetch it from the server's output folder yourself.",
            )
        yield chunk
    if announced is not None and received != announced:
        raise NoAnswerError(f"The download of {name} broke off after {received} of {announced} bytes.")


def multipart(data: bytes, name: str, folder: str = "") -> tuple[bytes, str]:
    """(the body, its content type). `folder`: where it goes below the server's input folder."""
    from urllib3.filepost import encode_multipart_formdata

    safe = re.sub(r'[\\"\r\n]', "_", name)  # what a server may take for a part of the header, or unescape
    fields: dict[str, str | tuple[str, bytes, str]] = {"image": (safe, data, "application/octet-stream")}
    if folder:
        fields["subfolder"] = folder
    return encode_multipart_formdata(fields)
