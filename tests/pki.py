"""Certificates of our own making, by the openssl program: an authority, a server called localhost, a client."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pki:
    """Files of one authority."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def make_pki(folder: Path) -> Pki:
    """An authority and what it signed: `server` for localhost and 127.0.0.1, `client` for gw-a."""
    folder.mkdir(exist_ok=True)
    pki = Pki(folder)
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    _openssl("req", "-x509", *new, "-keyout", pki.key("ca"), "-out", pki.ca, "-subj", "/CN=Our authority")
    for name, subject, extra in (
        ("server", "localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ("client", "gw-a", "extendedKeyUsage=clientAuth"),
    ):
        request = folder / f"{name}.csr"
        _openssl("req", *new[:-2], "-keyout", pki.key(name), "-out", request, "-subj", f"/CN={subject}")
        (folder / "extra").write_text(extra)
        signing = ["-CA", pki.ca, "-CAkey", pki.key("ca"), "-CAcreateserial", "-extfile", folder / "extra"]
        _openssl("x509", "-req", "-in", request, *signing, "-out", pki.certificate(name), "-days", "2")
    return pki


def _openssl(*arguments: object) -> None:
    program = shutil.which("openssl")
    assert program, "these tests want the openssl program"
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)
