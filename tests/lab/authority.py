"""A certificate authority for one test, made with openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Leaf:
    certificate: Path  # its issuer's certificate is not in it: clients have that
    key: Path

    @property
    def document(self) -> dict[str, str]:
        return {"certificate": str(self.certificate), "key": str(self.key)}


def _openssl(*words: str | Path, stdin: str = "") -> None:
    subprocess.run(["openssl", *map(str, words)], input=stdin, text=True, check=True, capture_output=True)


class Authority:
    def __init__(self, directory: Path, name: str = "Test Root") -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.root, self._key = directory / "root.pem", directory / "root.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.root)

    def leaf(self, *names: str, file: str = "", days: int = 30) -> Leaf:
        """A P-256 certificate for `names`. `file`: what the files are called; may replace others."""
        base = self.directory / (file or names[0].replace("*", "any"))
        made = Leaf(base.with_name(base.name + ".pem"), base.with_name(base.name + ".key"))
        request = base.with_name(base.name + ".csr")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-subj", f"/CN={names[0]}", "-keyout", made.key, "-out", request)
        extension = base.with_name(base.name + ".ext")
        extension.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names) + "\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", self._key, "-CAcreateserial",
                 "-days", str(days), "-extfile", extension, "-out", made.certificate)
        return made
