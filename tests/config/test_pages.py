"""The documents that the pages show are good ones: who copies them must not be told off."""

import re
import subprocess
from pathlib import Path

# What a page leaves out because every home has it.
HOME = {
    "version": "1",
    "lan": '[10.0.0.0/24, 10.0.20.0/24, "fd00::/64"]',
    "nodes": "{pi4-1: 10.0.0.11, pi4-2: 10.0.0.12, pi5: 10.0.0.15}",
    "vips": "{dns: 10.0.0.53, proxy: 10.0.0.100}",
    "dns": "{upstreams: [9.9.9.9]}",
}


def shown(source: Path) -> list[tuple[str, str]]:
    pages = [source / "README.md", *sorted((source / "docs").glob("*.md"))]
    return [(page.name, text) for page in pages for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)]


def test_documents_of_pages_are_good(binaries, source_dir: Path, tmp_path: Path) -> None:
    found = shown(source_dir)
    assert len(found) > 20
    wrong = []
    for number, (page, text) in enumerate(found):
        there = set(re.findall(r"^([a-z_]+):", text, re.M))
        if "nodes" in there:
            there |= {"vips"}  # which may be on other networks
        document = tmp_path / f"{number}.yaml"
        document.write_text("".join(f"{key}: {value}\n" for key, value in HOME.items() if key not in there) + text)
        done = subprocess.run([binaries["hearth"], "check", "--config", document], capture_output=True, text=True)
        if done.returncode != 0:
            wrong.append(f"{page}\n{done.stdout}{done.stderr}")
    assert not wrong, "\n".join(wrong)
