"""The error of this package: a start that cannot go on, in a sentence for the person who typed it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StartError(Exception):
    """What was wrong, where, and what to do, in one sentence; commands print it and exit with its code."""

    exit_code = 1


class SettingError(StartError):
    """A variable has to be changed before anything can start."""

    exit_code = 2


def disk_is_full(folder: Path) -> StartError:
    return StartError(
        f"The disk that holds {folder} is full. Free some space, or set TRIBUTARY_VAR to a folder on another disk."
    )


@contextmanager
def told_in_a_sentence(folder: Path) -> Iterator[None]:
    """Turn the file system's refusals below `folder` into a StartError."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise disk_is_full(folder) from error
        raise StartError(
            f"{error.filename or folder} cannot be used: {error.strerror}. "
            "Run as the user who owns it, or set TRIBUTARY_VAR to another folder."
        ) from error
