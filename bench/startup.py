"""From start to the first 200, and the memory of idle workers, against bare Flask under the same gunicorn."""

import time

from bench.harness import free_port, gunicorn, gunicorn_command, median, report, running, sayna, wait_for

ROUNDS = 7


def until_first_answer(module: str) -> float:
    """Return the seconds from starting gunicorn to its first 200."""
    port = free_port()
    started = time.monotonic()
    with running(gunicorn_command(module), HOST="127.0.0.1", PORT=str(port)):
        wait_for(port)
        return time.monotonic() - started


def main() -> None:
    """Interleave starts, then weigh what idles."""
    ratios = []
    for _ in range(ROUNDS):
        base = until_first_answer("bench.floor:app")
        ratios.append(until_first_answer("wsgi:app") / base)
    report("start to the first 200 over bare Flask's", median(ratios), "<= 1.6", median(ratios) <= 1.6)
    with gunicorn("bench.floor:app") as floor, sayna() as ours:
        time.sleep(1)
        megabytes = ours.pss_megabytes()
        print(f"    bare Flask weighs {floor.pss_megabytes():.0f} MB")
    report("four idle workers and their master, PSS in MB", megabytes, "<= 80", megabytes <= 80)


if __name__ == "__main__":
    main()
