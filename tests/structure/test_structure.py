"""The tree keeps to its architecture, and each check finds what it is for."""

import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import structure  # noqa: E402


@pytest.mark.parametrize("check", structure.CHECKS, ids=lambda check: check.__name__)
def test_tree_keeps_the_rule(check):
    findings = list(check(structure.Tree(ROOT)))
    assert findings == []


def test_cores_are_pure(build_dir):
    assert list(structure.check_purity(build_dir)) == []


def tree_of(tmp_path, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return structure.Tree(tmp_path, list(files))


BROKEN = [
    (structure.check_includes, "dns/core/a.cpp", '#include "dns/io/b.h"\n'),
    (structure.check_includes, "dns/core/a.cpp", '#include "config/document.h"\n'),
    (structure.check_includes, "dns/core/a.cpp", '#include "lb/model/b.h"\n'),
    (structure.check_includes, "base/a.h", '#include "runtime/log.h"\n'),
    (structure.check_includes, "runtime/a.cpp", '#include "config/document.h"\n'),
    (structure.check_owners, "dns/core/a.cpp", "#include <boost/asio/ip/udp.hpp>\n"),
    (structure.check_owners, "dns/io/a.cpp", "#include <ldns/ldns.h>\n"),
    (structure.check_config_spread, "proxy/io/a.cpp", 'auto x = getenv("HOME");\n'),
    (structure.check_file_length, "lb/core/a.cpp", "\n" * 601),
    (structure.check_names, "lb/core/util.h", "#pragma once\n"),
    (structure.check_names, "lb/core/a.h", "int x;\n"),
    (structure.check_base_shared, "base/only.h", "#pragma once\n"),
    (structure.check_co_await, "dns/io/a.cpp", "co_await send(Message{1, 2});\n"),
    (structure.check_co_await, "dns/io/a.cpp", "co_await post([this] { run(); });\n"),
    (structure.check_co_await, "dns/io/a.cpp", "auto n = co_await read({buffer, 5});\n"),
    (structure.check_mocks, "tests/dns/a_test.cpp", "GTEST_SKIP();\n"),
    (structure.check_links, "docs/a.md", "see [b](b.md#part)\n"),
]


@pytest.mark.parametrize("check,name,text", BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_check_finds_a_breach(tmp_path, check, name, text):
    assert list(check(tree_of(tmp_path, {name: text})))


FINE = [
    (structure.check_co_await, "dns/io/a.cpp", "if (x) {\n  const auto n = co_await read(buffer, token);\n}\n"),
    (structure.check_co_await, "dns/io/a.cpp", "Message m{1};\nwhile (true) {\n    co_await send(m);\n}\n"),
    (structure.check_includes, "dns/core/a.cpp", '#include "dns/model/b.h"\n#include "base/ip.h"\n'),
    (structure.check_owners, "dns/io/a.cpp", "#include <boost/asio/ip/udp.hpp>\n"),
    (structure.check_links, "docs/a.md", "see [itself](a.md#part) and [elsewhere](https://example.org/x)\n"),
]


@pytest.mark.parametrize("check,name,text", FINE, ids=lambda value: getattr(value, "__name__", None))
def test_check_accepts_what_is_right(tmp_path, check, name, text):
    assert list(check(tree_of(tmp_path, {name: text}))) == []


def test_two_owners_of_one_library_are_found(tmp_path):
    tree = tree_of(tmp_path, {"proxy/io/a.cpp": "#include <ares.h>\n", "proxy/io/b.cpp": "#include <ares.h>\n"})
    assert list(structure.check_owners(tree))
