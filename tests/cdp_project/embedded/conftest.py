"""A var folder that the servers' account can reach, and patience with a deadline."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import var_folder

WAIT_SECONDS = 30


@pytest.fixture
def var() -> Iterator[Path]:
    with var_folder() as folder:
        yield folder


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Look until it holds; fails with `what` after a while."""
    give_up_at = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < give_up_at, f"not within {WAIT_SECONDS} s: {what}"
        time.sleep(0.02)
