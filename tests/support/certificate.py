"""A certificate nobody has signed, made for one test run."""

from __future__ import annotations

import subprocess
from pathlib import Path


def self_signed(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """(certificate, key) for `host`, valid for two days, as PEM files in `folder`."""
    certificate, key = folder / "server.pem", folder / "server.key"
    kind = "IP" if host.replace(".", "").isdigit() else "DNS"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={host}"]
    command += ["-addext", f"subjectAltName={kind}:{host}"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key
