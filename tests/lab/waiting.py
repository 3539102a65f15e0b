"""Waiting for what has no event of its own."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


def wait_until(
    predicate: Callable[[], Value], deadline: float = 10.0, *, what: str = "", interval: float = 0.01
) -> Value:
    """Calls `predicate` until it returns something true, and returns that.

    `deadline` is in seconds from now; the machine may be slow, so be generous: the
    time is only spent when the test is about to fail.
    """
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            name = what or getattr(predicate, "__name__", "condition")
            raise TimeoutError(f"{name} not reached within {deadline} s (last: {value!r})")
        time.sleep(interval)
