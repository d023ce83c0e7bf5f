"""Limits of the process: file descriptors."""

import resource

MOST_FILES = 65536
# A request holds its client, its vendor, a part file, locks and a database.
FILES_OF_A_THREAD = 8
FILES_OF_A_WORKER = 128
MOST_CONNECTIONS = 8192


def raise_file_limit() -> None:
    """Allow as many open files as the machine lets this user have; shells begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections(threads: int) -> int:
    """Return how many connections a worker may hold that no thread serves."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    files = MOST_FILES if soft == resource.RLIM_INFINITY else soft
    return min(MOST_CONNECTIONS, max(64, files - FILES_OF_A_WORKER - FILES_OF_A_THREAD * threads))
