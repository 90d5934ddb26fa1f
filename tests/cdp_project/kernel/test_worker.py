"""The loop of a hot process: what it waits out and what ends it."""

import psycopg
import pytest

from cdp_project.kernel import worker as worker_module
from cdp_project.kernel.database import RETRYABLE
from cdp_project.kernel.worker import Worker
from events.processing.isolation import INFRASTRUCTURE


class NoWait:
    """Waits for nothing."""

    def wait(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        pass


def turns_until_it_ends(
    error: Exception, waits_out: tuple[type[Exception], ...], monkeypatch: pytest.MonkeyPatch
) -> int:
    """How often a worker turns whose first turn fails and whose second stops it."""
    monkeypatch.setattr(worker_module, "RETRY_FIRST_S", 0.001)
    turns: list[None] = []

    def turn() -> bool:
        turns.append(None)
        if len(turns) == 1:
            raise error
        worker.stop()
        return False

    worker = Worker("test", turn, NoWait(), waits_out=waits_out)
    worker.run()
    return len(turns)


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError("away"), psycopg.errors.UndefinedTable("old schema"), OSError("files"), MemoryError()],
    ids=lambda error: type(error).__name__,
)
def test_the_pipeline_waits_out_every_error_of_the_infrastructure(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turns_until_it_ends(error, INFRASTRUCTURE, monkeypatch) == 2


def test_an_error_that_is_not_named_ends_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="files"):
        turns_until_it_ends(OSError("files"), RETRYABLE, monkeypatch)
