#!/usr/bin/python3
"""Holds the tree against its own architecture (docs/architecture.md).

Each check is a function of a Tree that yields findings, "file:line: what is wrong and what to do".
Run as a program it prints them all and ends with 1 when there is one; the tests run the
same functions, on this tree and on small trees that break each rule.
"""

import pathlib
import re
import subprocess
import sys

ROOMS = ("dns", "lb", "proxy", "certs")
FLOORS_OF_ROOM = ("model", "core", "io", "bind", "lists")
MAX_LINES = 600

# What each floor may include, besides itself. `room/` stands for the same room.
ALLOWED = {
    "base": set(),
    "config": {"base"},
    "runtime": {"base"},
    "model": {"base"},
    "core": {"room/model", "base"},
    "io": {"room/core", "room/model", "runtime", "base"},
    "bind": {"room/io", "room/core", "room/model", "config", "runtime", "base"},
    "lists": {"room/core", "room/model", "config", "runtime", "base"},
    "main": {"room/bind", "room/lists", "room/io", "room/core", "room/model", "config", "runtime", "base"},
    "cli": {"config", "runtime", "base"},
}

# Third-party headers and the folders (or files) that may see them. One file owns each C library.
OWNERS = {
    r"libfyaml\.h": ("config/",),
    r"spdlog/": ("runtime/log",),
    r"systemd/": ("runtime/",),
    r"seccomp\.h": ("runtime/",),
    r"prometheus/": ("runtime/metrics",),
    r"boost/beast": ("runtime/",),
    r"boost/asio": ("runtime/", "dns/io/", "lb/io/", "proxy/io/", "dns/bind/", "lb/bind/", "proxy/bind/",
                     "certs/bind/"),
    r"libmnl/": ("lb/io/", "dns/io/neighbour_table"),
    r"date/tz": ("dns/io/time_zone",),
    r"libnftnl/": ("lb/io/nft_message",),
    r"curl/": ("dns/lists/",),
    r"zlib\.h": ("dns/lists/gunzip", "proxy/io/compressor"),
    r"(brotli/|zstd\.h)": ("proxy/io/compressor",),
    r"ares\.h": ("proxy/io/",),
    r"openssl/": ("lb/io/peer_tls", "config/sha256", "proxy/io/tls", "dns/io/tls_stream", "certs/io/x509"),
    r"nghttp2/": ("dns/io/h2_session", "proxy/io/http2_session"),
    r"(SQLiteCpp/|sqlite3\.h)": ("dns/io/query_database",),
    r"fstrm": ("dns/io/dnstap",),
    r"ldns/": ("config/record_data", "dns/io/zone_file"),
    r"unbound\.h": ("dns/io/resolver",),
    r"idn2\.h": ("base/idna",),
    r"(sodium|crypt)\.h": ("proxy/io/password_checker",),
    r"re2/": ("dns/core/name_patterns",),
    r"CLI/": ("cli/", "runtime/daemon"),
    r"gmock/": (),
}
ONE_FILE_PER_ROOM = (r"libfyaml\.h", r"spdlog/", r"seccomp\.h", r"prometheus/", r"libnftnl/",
                     r"curl/", r"ares\.h")

# Calls that a pure core must not reach: sockets, files, clocks, threads, the environment.
IMPURE = re.compile(
    r"^(socket|bind|listen|accept4?|connect|send(to|msg|mmsg)?|recv(from|msg|mmsg)?|open(at|64)?|fopen(64)?|read|write|"
    r"poll|epoll_\w+|select|clock_gettime|gettimeofday|time|nanosleep|usleep|sleep|getenv|secure_getenv|fork|execve|"
    r"pthread_\w+|getrandom|rand|random|printf|puts|fwrite|__printf_chk|__fprintf_chk)$|"
    r"std::(chrono::_V2::\w+::now|basic_(i|o)?fstream|thread|random_device|cout|cerr)")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Tree:
    def __init__(self, root, files=None):
        self.root = pathlib.Path(root)
        if files is None:
            listed = subprocess.run(["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard"],
                                    capture_output=True, text=True, check=True)
            files = listed.stdout.splitlines()
        self.files = sorted(f for f in files if (self.root / f).is_file())

    def sources(self, *folders):
        for f in self.files:
            if f.endswith((".h", ".cpp")) and (not folders or f.startswith(folders)):
                yield f

    def text(self, file):
        return (self.root / file).read_text(encoding="utf-8")

    def includes(self, file):
        for number, line in enumerate(self.text(file).splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) == '"', match.group(2)


def place_of(file):
    """(room, floor) of a source file, or None for tests, bench and tools."""
    parts = file.split("/")
    if parts[0] in ("base", "config", "runtime", "cli"):
        return parts[0], parts[0]
    if parts[0] in ROOMS and len(parts) > 1:
        if parts[1] in FLOORS_OF_ROOM:
            if parts[-1] == "main.cpp":
                return parts[0], "main"
            return parts[0], parts[1]
        return parts[0], "main"
    return None


def check_includes(tree):
    """Floors include downwards only, rooms never include each other."""
    for file in tree.sources():
        place = place_of(file)
        if place is None:
            continue
        room, floor = place
        allowed = {a.replace("room", room) for a in ALLOWED[floor]}
        for number, ours, target in tree.includes(file):
            goal = place_of(target) if ours else None
            if goal is None or goal == place:
                continue
            name = goal[0] if goal[0] == goal[1] else f"{goal[0]}/{goal[1]}"
            if name not in allowed:
                yield f"{file}:{number}: {room}/{floor} must not include {target}: lower floors never see higher ones"


def check_owners(tree):
    """Third-party headers stay with their owner; in headers only where the owner is that header."""
    for pattern, owners in OWNERS.items():
        seen = {}
        for file in tree.sources("base/", "config/", "runtime/", "cli/", "dns/", "lb/", "proxy/", "certs/"):
            for number, ours, target in tree.includes(file):
                if ours or not re.match(pattern, target):
                    continue
                if not file.startswith(owners or ("\0",)):
                    yield f"{file}:{number}: <{target}> belongs to {' or '.join(owners) or 'tests'}"
                seen.setdefault(file.split("/")[0], set()).add(re.sub(r"\.(h|cpp)$", "", file))
        if pattern in ONE_FILE_PER_ROOM:
            for room, files in seen.items():
                if len(files) > 1:
                    yield f"{room}: <{pattern}> has more than one owner: {', '.join(sorted(files))}"


def check_config_spread(tree):
    """Config structs and the environment are seen at the edge only."""
    for file in tree.sources(*(f"{r}/" for r in ROOMS), "runtime/", "base/"):
        if re.search(r"\b(secure_)?getenv\s*\(", tree.text(file)):
            yield f"{file}: getenv: settings come from the document or the command line"


def check_file_length(tree):
    """A file that grows past the limit has found a second subject."""
    for file in tree.files:
        if file.endswith((".h", ".cpp", ".py")) or file == "dev":
            lines = tree.text(file).count("\n")
            if lines > MAX_LINES:
                yield f"{file}: {lines} lines, at most {MAX_LINES}: split it by subject"


def check_names(tree):
    """No dumps; every header is guarded by #pragma once."""
    for file in tree.sources():
        stem = pathlib.PurePath(file).stem
        if re.fullmatch(r"utils?|helpers?|misc|common", stem):
            yield f"{file}: a file named {stem} collects what belongs elsewhere"
        if file.endswith(".h") and "#pragma once" not in tree.text(file):
            yield f"{file}: no #pragma once"


def check_base_shared(tree):
    """What lives in base serves at least two rooms."""
    users = {}
    for file in tree.sources("config/", "runtime/", "cli/", "dns/", "lb/", "proxy/", "certs/", "base/"):
        for _, ours, target in tree.includes(file):
            if ours and target.startswith("base/"):
                users.setdefault(target, set()).add(file.split("/")[0])
    for file in tree.sources("base/"):
        rooms = users.get(file, set())
        if file.endswith(".h") and len(rooms - {"base"}) < 2 and not _in_base_header(tree, file):
            yield f"{file}: used by {', '.join(sorted(rooms)) or 'nobody'} only: move it to where it is used"


def _in_base_header(tree, file):
    return any(ours and target == file for header in tree.sources("base/") if header.endswith(".h")
               for _, ours, target in tree.includes(header))


def statements(text):
    """Yields (line, statement) for text outside comments and literals, split at ';', '{' of blocks stays inside."""
    text = re.sub(r'//[^\n]*|/\*.*?\*/|R"\(.*?\)"|"(?:\\.|[^"\\\n])*"', lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    start = 0
    for match in re.finditer(r";", text):
        yield text.count("\n", 0, start) + 1, text[start:match.start()]
        start = match.end()


def check_co_await(tree):
    """g++ 12.2 miscompiles braces and capturing lambdas in a statement with co_await."""
    for file in tree.sources():
        if place_of(file) is None:
            continue
        text = tree.text(file)
        if "co_await" not in text:
            continue
        for line, statement in statements(text):
            for match in re.finditer(r"co_await", statement):
                # The expression around this co_await: from the last block brace or statement start.
                opened = max(statement.rfind("{\n", 0, match.start()), statement.rfind("}\n", 0, match.start()))
                expression = statement[opened + 1:]
                number = line + statement.count("\n", 0, match.start())
                if re.search(r"\w\s*\{[^{}\n]*\}", expression.split("co_await", 1)[-1]) or re.search(r"[(,]\s*\{", expression):
                    yield f"{file}:{number}: braces in a statement with co_await: name the value first"
                if re.search(r"\[\s*[&=\w][^\]]*\]\s*(\([^)]*\))?\s*(mutable\s*)?\{", expression):
                    yield f"{file}:{number}: a capturing lambda in a statement with co_await: name it first"


def check_mocks(tree):
    """Real peers, never mocks; tests that cannot be run are not tests."""
    for file in tree.files:
        if file.startswith("tests/") and file.endswith((".cpp", ".py")) and not file.startswith("tests/structure/"):
            text = tree.text(file)
            for pattern in (r"gmock", r"GTEST_SKIP", r"DISABLED_", r"unittest\.mock", r"pytest\.mark\.skip\b"):
                if re.search(pattern, text):
                    yield f"{file}: {pattern}: tests run, against the real thing"


def check_links(tree):
    """Links between the project's pages lead somewhere."""
    for file in tree.files:
        if not file.endswith(".md"):
            continue
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", tree.text(file)):
            if not (tree.root / file).parent.joinpath(target).exists():
                yield f"{file}: links to {target}, which does not exist"


def check_purity(build):
    """`nm` of the pure libraries shows no socket, file, clock, thread or environment call."""
    build = pathlib.Path(build)
    libraries = [p for p in build.rglob("libhearth_*.a") if re.search(r"_(core|model)\.a$", p.name) or p.name == "libhearth_base.a"]
    if not libraries:
        yield f"{build}: no core libraries: build first (./dev build)"
    for library in sorted(libraries):
        listed = subprocess.run(["nm", "-uC", str(library)], capture_output=True, text=True, check=True)
        for line in listed.stdout.splitlines():
            symbol = line.strip().removeprefix("U ").strip().split("@")[0]
            if IMPURE.search(symbol.split("(")[0]):
                yield f"{library.name}: calls {symbol}: a core takes time and bytes as arguments"


CHECKS = (check_includes, check_owners, check_config_spread, check_file_length, check_names, check_base_shared,
          check_co_await, check_mocks, check_links)


def main(argv):
    root = pathlib.Path(__file__).resolve().parent.parent
    tree = Tree(root)
    findings = [finding for check in CHECKS for finding in check(tree)]
    if argv:
        findings += check_purity(argv[0])
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
