"""The local certificate authority: it stands for ACM on load balancers and for the public authorities at the origins."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def authority(home: Path) -> Path:
    """The CA's certificate: what clients and containers trust. Made once, so that a client may keep it."""
    certificate, key = home / "ca.pem", home / "ca-key.pem"
    if not (certificate.exists() and key.exists()):
        import trustme

        made = trustme.CA(organization_name="kotei local engine")
        home.mkdir(parents=True, exist_ok=True)
        _write(key, made.private_key_pem.bytes())
        _write(certificate, made.cert_pem.bytes())
    return certificate


def issued(home: Path, names: Iterable[str]) -> Path:
    """Certificate chain and key in one file, for exactly these names."""
    import trustme

    wanted = sorted(set(names))
    certificate = authority(home)
    signer = hashlib.sha256(certificate.read_bytes()).hexdigest()
    fingerprint = hashlib.sha256("\n".join([signer, *wanted]).encode()).hexdigest()
    path = home / "plane" / "certificates" / f"{fingerprint[:32]}.pem"
    if not path.exists():
        authority_pair = trustme.CA.from_pem(certificate.read_bytes(), (home / "ca-key.pem").read_bytes())
        leaf = authority_pair.issue_cert(*wanted)
        _write(path, leaf.private_key_and_cert_chain_pem.bytes())
    return path


def client(home: Path, name: str) -> tuple[str, str]:
    """Chain and private key, as PEM: with what the proxy shows who it is."""
    import trustme

    leaf = trustme.CA.from_pem(authority(home).read_bytes(), (home / "ca-key.pem").read_bytes()).issue_cert(common_name=name)
    return "".join(part.bytes().decode() for part in leaf.cert_chain_pems), leaf.private_key_pem.bytes().decode()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    partial.replace(path)
