"""dig and curl, run on a host of the lab, with their answers parsed."""

import re
from dataclasses import dataclass, field

from tests.lab.netns import Namespace


@dataclass(frozen=True)
class Record:
    name: str
    ttl: int
    type: str
    value: str


@dataclass(frozen=True)
class DnsAnswer:
    rcode: str  # "NOERROR", "NXDOMAIN", …; "TIMEOUT" when nothing came
    flags: frozenset[str] = frozenset()
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()

    @property
    def values(self) -> list[str]:
        return [record.value for record in self.answers]


def dig(
    host: Namespace, name: str, qtype: str = "A", *, server: str = "", options: tuple[str, ...] = ()
) -> DnsAnswer:
    """Asks once. Without `server`, the resolver of the host's own resolv.conf."""
    where = [f"@{server}"] if server else []
    common = ["+noall", "+comments", "+answer", "+authority", "+tries=1", "+time=3"]
    result = host.run(["dig", *where, name, qtype, *common, *options], check=False)
    return _parse_dig(result.stdout)


def _parse_dig(output: str) -> DnsAnswer:
    status = re.search(r"status: (\w+)", output)
    if status is None:
        return DnsAnswer("TIMEOUT")
    flags = re.search(r"^;; flags: ([\w ]*);", output, re.MULTILINE)
    sections: dict[str, list[Record]] = {"ANSWER": [], "AUTHORITY": []}
    current = "ANSWER"
    for line in output.splitlines():
        if heading := re.match(r";; (\w+) SECTION:", line):
            current = heading[1]
        elif line and not line.startswith(";"):
            name, ttl, _class, rtype, value = line.split(None, 4)
            sections[current].append(Record(name, int(ttl), rtype, value))
    return DnsAnswer(
        status[1],
        frozenset(flags[1].split() if flags else ()),
        tuple(sections["ANSWER"]),
        tuple(sections["AUTHORITY"]),
    )


@dataclass(frozen=True)
class HttpAnswer:
    status: int  # 0 when no answer came; `error` says why
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case
    body: str = ""
    error: str = ""


def curl(host: Namespace, url: str, *options: str, timeout: float = 10) -> HttpAnswer:
    """The last response curl got (after a 100 Continue or a redirect it followed)."""
    argv = ["curl", "--silent", "--show-error", "--include", "--max-time", str(timeout)]
    result = host.run([*argv, *options, url], check=False, timeout=timeout + 30)
    if result.returncode != 0:
        return HttpAnswer(0, error=result.stderr.strip())
    rest, status, headers = result.stdout, 0, {}
    while match := re.match(r"HTTP/[\d.]+ (\d{3})[^\n]*\n", rest):
        head, _, rest = rest.partition("\n\n")  # text mode has turned CRLF into LF
        status = int(match[1])
        lines = [line.partition(":") for line in head.splitlines()[1:]]
        headers = {name.lower(): value.strip() for name, _, value in lines}
    return HttpAnswer(status, headers, rest)
