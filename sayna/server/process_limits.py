"""Limits of a worker: its file descriptors, connections and threads."""

import resource
from concurrent.futures import ThreadPoolExecutor

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


class Threads(ThreadPoolExecutor):
    """Threads that start when they are needed; where the machine gives no more, the request waits for one of them."""

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise
