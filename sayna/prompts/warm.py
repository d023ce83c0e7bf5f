"""Renders prompts side by side; each finished one is in the cache before the next begins."""

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from sayna.errors import Overloaded, ProviderRateLimited, SaynaError
from sayna.prompts.check import Prompt
from sayna.speech.cache import Clip
from sayna.speech.plan import Plan

# A vendor that limits the rate says when to ask again; after so many refusals the prompt has failed.
ATTEMPTS = 5
Render = Callable[[Plan], Clip]


def warm(
    prompts: Sequence[Prompt], render: Render, *, workers: int
) -> Generator[tuple[Prompt, Clip | SaynaError], None, None]:
    """Yield each prompt with its clip, or with the error of its rendering, in the order in which they finish.

    When the iterator is closed, the prompts that are being rendered are finished and stored, and no other begins.
    """
    stopped = threading.Event()
    with ThreadPoolExecutor(workers, thread_name_prefix="prompt") as pool:
        running = {pool.submit(_rendered, prompt, render, stopped): prompt for prompt in prompts}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        finally:
            stopped.set()
            pool.shutdown(cancel_futures=True)


def _rendered(prompt: Prompt, render: Render, stopped: threading.Event) -> Clip | SaynaError:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return render(prompt.plan)
        except (ProviderRateLimited, Overloaded) as error:
            # The seconds grow, because a vendor that names none may mean a minute.
            if attempt == ATTEMPTS or stopped.wait(error.retry_after or 2**attempt):
                return error
        except SaynaError as error:
            return error
    raise AssertionError("the last attempt returns")
