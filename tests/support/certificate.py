"""A certificate nobody has signed, made for one test run."""

from __future__ import annotations

import subprocess
from pathlib import Path

_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def self_signed(folder: Path, host: str = "127.0.0.1", *, expired: bool = False) -> tuple[Path, Path]:
    """(certificate, key) for `host`, valid for two days or not any more, as PEM files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key, asked = folder / "server.pem", folder / "server.key", folder / "server.csr"
    kind = "IP" if host.replace(".", "").isdigit() else "DNS"
    names = ["-subj", f"/CN={host}", "-addext", f"subjectAltName={kind}:{host}"]
    _openssl("req", "-new", *_KEY, "-keyout", str(key), "-out", str(asked), *names)
    signing = ["-signkey", str(key), "-days", "-1" if expired else "2", "-copy_extensions", "copy"]
    _openssl("x509", "-req", "-in", str(asked), *signing, "-out", str(certificate))
    return certificate, key


def for_signing(folder: Path) -> tuple[Path, Path]:
    """(chain, key) of somebody who signs documents, by an authority of this test's own; PEM files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    root, root_key = folder / "root.pem", folder / "root.key"
    authority = ["-subj", "/O=A test authority/CN=root", "-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    _openssl("req", "-x509", *_KEY, "-keyout", str(root_key), "-out", str(root), "-days", "2", *authority)
    asked, own, key = folder / "signer.csr", folder / "signer.pem", folder / "signer.key"
    _openssl("req", "-new", *_KEY, "-keyout", str(key), "-out", str(asked), "-subj", "/O=A test shop/CN=signer")
    uses = folder / "uses.txt"
    uses.write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n"
        "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
        encoding="ascii",
    )
    by = ["-CA", str(root), "-CAkey", str(root_key), "-CAcreateserial", "-days", "2", "-extfile", str(uses)]
    _openssl("x509", "-req", "-in", str(asked), *by, "-out", str(own))
    chain = folder / "chain.pem"
    chain.write_bytes(own.read_bytes() + root.read_bytes())
    return chain, key


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
