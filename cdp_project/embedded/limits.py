"""How many files the processes may open: as many as the system lets us, for every connection is one."""

import resource

FILES_ENOUGH = 65_536


def raise_file_limit() -> None:
    """Raise the soft limit towards the hard one, for this process and all that it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_ENOUGH if hard == resource.RLIM_INFINITY else min(hard, FILES_ENOUGH)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        # Some systems have a lower bound that they do not tell; the limit then stays as it was.
        return
