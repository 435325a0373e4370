"""A certificate authority made on the spot with openssl."""

import shutil
import subprocess
from pathlib import Path

from contracts.settings import BrokerSettings

_REQUEST = "[req]\ndistinguished_name = name\n[name]\n"


class Authority:
    """Signs elliptic-curve certificates; each is told by its common name."""

    def __init__(self, folder: Path, name: str = "muster"):
        assert shutil.which("openssl"), "openssl is not installed: apt-get install openssl"
        self._folder = folder
        folder.mkdir(parents=True)
        (folder / "openssl.cnf").write_text(_REQUEST)
        self._request("ca", name, "basicConstraints=critical,CA:TRUE")

    @property
    def file(self) -> Path:
        """The authority's own certificate."""
        return self._folder / "ca.pem"

    def certificate(self, name: str, *extensions: str) -> tuple[Path, Path]:
        """Return the files of a certificate and its key, made when first asked for."""
        if not (self._folder / f"{name}.pem").exists():
            signed = ("-CA", str(self.file), "-CAkey", str(self._folder / "ca.key"))
            self._request(
                name, name, "basicConstraints=critical,CA:FALSE", *extensions, more=signed
            )
        return self._folder / f"{name}.pem", self._folder / f"{name}.key"

    def settings(self, name: str, port: int) -> BrokerSettings:
        """Return how whoever has this certificate reaches a broker on this machine."""
        certificate, key = self.certificate(name)
        return BrokerSettings(
            host="127.0.0.1",
            port=port,
            ca_file=self.file,
            certificate_file=certificate,
            key_file=key,
        )

    def _request(self, file, name, *extensions, more=()):
        command = (
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-config", "openssl.cnf"),
            *("-keyout", f"{file}.key", "-out", f"{file}.pem", *more),
            *(word for extension in extensions for word in ("-addext", extension)),
        )
        done = subprocess.run(command, cwd=self._folder, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
