"""Programs whose clock on the wall is the test's, by libfaketime."""

import os
from pathlib import Path

FAKETIME = Path(f"/usr/lib/{os.uname().machine}-linux-gnu/faketime/libfaketime.so.1")


def clock_environment(directory: Path, **settings: str) -> dict[str, str]:
    """The environment of such a program: `settings` are libfaketime's, its steady clock stays true."""
    # What the library does between threads is its own affair.
    suppressions = directory / "faketime.tsan"
    suppressions.write_text(f"race:{FAKETIME.name}\ncalled_from_lib:{FAKETIME.name}\n")
    return {**os.environ, "LD_PRELOAD": str(FAKETIME), "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
            "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "") + f":suppressions={suppressions}", **settings}
