"""Content Credentials (C2PA): a picture is signed with a certificate of the seller's own, who so says how it was made.

Signed by c2pa-python, the library of the Content Authenticity Initiative; an extra, installed where it is wanted.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import __version__
from runner.errors import UsageError
from runner.files.xmp import SOURCE_VOCABULARY, SOURCES

_INSTALL = "Install it: .venv/bin/python -m pip install -e '.[c2pa]'"
_MIMES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
"""The curves of a key → the signature that C2PA asks of it."""


@dataclass(frozen=True)
class Signing:
    """Who signs. `chain`: the certificate and those that it is signed by, as PEM; `key` as PEM, PKCS#8."""

    chain: bytes
    key: bytes
    algorithm: str


class _Decided:
    signing: Signing | None = None


def decide(certificate: Path | None, key: Path | None) -> None:
    """What this run signs its pictures with; two Nones: nothing.

    Raises UsageError where the library is not there, or the files are no certificate and its key.
    """
    _Decided.signing = None
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise UsageError("--c2pa-cert and --c2pa-key go together: a certificate, and the key that it is for.")
    _c2pa()
    pair = []
    for option, path in (("--c2pa-cert", certificate), ("--c2pa-key", key)):
        try:
            pair.append(path.read_bytes())
        except OSError as error:
            raise UsageError(f"{option} {path}: cannot be read ({error.strerror or error}).") from error
    signing = Signing(pair[0], pair[1], _algorithm(pair[1], key))
    _Decided.signing = signing
    try:
        probe = io.BytesIO()
        _white().save(probe, "PNG")
        _sign(signing, probe.getvalue(), "image/png", SOURCES[0], "")
    except UsageError as error:
        _Decided.signing = None
        raise UsageError(
            f"--c2pa-cert {certificate}: {error.message}",
            advice="It takes a chain in PEM, the signer's own certificate first, for signing (not a web server's), and "
            "its key.",
        ) from error


def is_asked() -> bool:
    return _Decided.signing is not None


def sign(path: Path, suffix: str, *, source: str, title: str) -> bool:
    """Sign a finished picture, in place; False where nothing is signed, or not this kind of file.

    `source`: IPTC's digital source type. Raises UsageError where the library refuses.
    """
    mime = _MIMES.get(suffix)
    if _Decided.signing is None or mime is None or not source:
        return False
    path.write_bytes(_sign(_Decided.signing, path.read_bytes(), mime, source, title))
    return True


def _sign(signing: Signing, data: bytes, mime: str, source: str, title: str) -> bytes:
    c2pa = _c2pa()
    made = {"action": "c2pa.created", "digitalSourceType": SOURCE_VOCABULARY + source}
    manifest = {
        "claim_generator_info": [{"name": "prodgen", "version": __version__}],
        "title": title or "picture",
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [made]}}],
    }
    # A thumbnail would add 150 kB, more than some shops' small pictures have.
    small = {"builder": {"thumbnail": {"enabled": False}}}
    try:
        info = c2pa.C2paSignerInfo(
            alg=signing.algorithm.encode(), sign_cert=signing.chain, private_key=signing.key, ta_url=None
        )
        signed = io.BytesIO()
        with (
            c2pa.Signer.from_info(info) as signer,
            c2pa.Context.from_dict(small) as context,
            c2pa.Builder(manifest, context=context) as builder,
        ):
            builder.sign(signer, mime, io.BytesIO(data), signed)
    except (c2pa.C2paError, ValueError) as error:
        raise UsageError(f"the picture cannot be signed: {error}") from error
    return signed.getvalue()


def _algorithm(key: bytes, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        read = load_pem_private_key(key, None)
    except (ValueError, TypeError) as error:  # TypeError: it has a password
        raise UsageError(
            f"--c2pa-key {path}: this is no key in PEM, or it has a password.",
            advice="openssl pkcs8 -topk8 -nocrypt -in KEY.pem -out PLAIN.pem makes one that can be read.",
        ) from error
    if isinstance(read, ec.EllipticCurvePrivateKey) and read.curve.name in _CURVES:
        return _CURVES[read.curve.name]
    if isinstance(read, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(read, rsa.RSAPrivateKey):
        return "ps256"
    raise UsageError(f"--c2pa-key {path}: C2PA takes no key of this kind.", advice="Take an EC key (P-256) or RSA.")


def _c2pa() -> Any:
    try:
        import c2pa  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise UsageError("pictures cannot be signed: c2pa-python is not installed.", advice=_INSTALL) from None
    return c2pa


def _white() -> Any:
    from PIL import Image

    return Image.new("RGB", (16, 16), "white")
