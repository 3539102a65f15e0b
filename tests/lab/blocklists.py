"""Blocklists for the tests: real ones where they are, else small ones of the same four forms."""

import re
from dataclasses import dataclass
from pathlib import Path

_FORMS = {
    "hosts-basic.txt": "0.0.0.0 {}",
    "domains-ads.txt": "{}",
    "domains-phishing.txt": "{}",
    "abp-tracking.txt": "||{}^",
}
_LINE = re.compile(r"^(?:\|\||0\.0\.0\.0\s+|127\.0\.0\.1\s+)?([a-z0-9-]+(?:\.[a-z0-9-]+)+)\^?\s*$")


@dataclass(frozen=True)
class Blocklists:
    files: dict[str, Path]  # by the name a document gives them: "hosts-basic"
    real: bool

    def names(self, name: str, count: int = 10) -> list[str]:
        """`count` names that list `name` blocks, spread over the whole file."""
        with self.files[name].open(encoding="utf-8", errors="replace") as lines:
            found = [match[1] for line in lines if (match := _LINE.match(line))]
        step = max(1, len(found) // count)
        return found[::step][:count]

    def document(self) -> str:
        """The `lists:` part of a document, as one YAML flow mapping."""
        return "{" + ", ".join(f"{name}: {{file: {path}}}" for name, path in self.files.items()) + "}"


def find(source_dir: Path) -> Blocklists | None:
    real = source_dir.parent / "shared/data/blocklists"
    files = {Path(name).stem: real / name for name in _FORMS}
    if all(path.is_file() for path in files.values()):
        return Blocklists(files, real=True)
    return None


def generate(directory: Path) -> Blocklists:
    files = {}
    for name, form in _FORMS.items():
        stem = Path(name).stem
        lines = [f"# {stem}", *(form.format(f"n{i}.{stem}.example") for i in range(500))]
        path = directory / name
        path.write_text("\n".join(lines) + "\n")
        files[stem] = path
    return Blocklists(files, real=False)
