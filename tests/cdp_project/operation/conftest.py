"""Reports of no other test, and no figures that are remembered."""

from collections.abc import Iterator

import pytest

from cdp_project.kernel import measuring, reporting
from cdp_project.operation import metrics


@pytest.fixture(autouse=True)
def nothing_told() -> Iterator[None]:
    measuring.take()
    _clear()
    yield
    _clear()


def _clear() -> None:
    with reporting.client() as valkey:
        valkey.delete(reporting._key("processes"), reporting._key("counted"))
    metrics.forget()
