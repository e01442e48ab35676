"""How many files, and so how many connections, a process may have open."""

import resource

OPEN_FILES = 16_384


def allow_many_connections() -> None:
    """Raise the soft limit, which many systems set to 1,024, as far as the hard one allows and the process may need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < enough:
        resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))
