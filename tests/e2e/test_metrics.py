"""A real Prometheus scrapes gunicorn's workers, and its tool judges what is shipped for it."""

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sayna import metrics
from tests.e2e.program import Program, until
from tests.e2e.servers import Gunicorn, answers, free_port, started
from tests.e2e.wire import Address
from tests.programs import needs

DEPLOY = Path(__file__).parents[2] / "deploy"
TOKEN = "token-of-prometheus-0123456789"


class Prometheus(Program):
    """A Prometheus that scrapes one Sayna every second."""

    def __init__(self, folder: Path, target: Address) -> None:
        program = needs("prometheus", "apt-get install prometheus")
        self.address = Address(free_port())
        scrape = {
            "job_name": "sayna",
            "authorization": {"credentials": TOKEN},
            "static_configs": [{"targets": [f"127.0.0.1:{target.port}"]}],
        }
        settings = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(DEPLOY / "alerts.yml")],
            "scrape_configs": [scrape],
        }
        config = folder / "prometheus.json"
        config.write_text(json.dumps(settings))
        listen = f"--web.listen-address=127.0.0.1:{self.address.port}"
        argv = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", listen]
        super().__init__(argv, cwd=folder, env=dict(os.environ), log=folder / "prometheus.log")

    def is_ready(self) -> bool:
        """Whether it answers questions; it listens earlier."""
        return answers(self.address) and self.address.ask("GET", "/-/ready").status == 200

    def ask(self, expression: str) -> dict[str, float]:
        """Return the values of an expression by their labels; there are none after a scrape that took a second."""
        query = urllib.parse.urlencode({"query": expression})
        address = f"http://127.0.0.1:{self.address.port}/api/v1/query?{query}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return {json.dumps(each["metric"], sort_keys=True): float(each["value"][1]) for each in found}

    def value(self, expression: str) -> float:
        """Return the sum of an expression, 0 without a series."""
        return sum(self.ask(f"sum({expression})").values())


@pytest.fixture
def sayna(tmp_path: Path) -> Iterator[Gunicorn]:
    address = Address(free_port())
    settings = {"METRICS_ENABLED": "true", "METRICS_TOKEN": TOKEN, "WEB_CONCURRENCY": "3", "WEB_THREADS": "4"}
    server = Gunicorn(tmp_path, address, settings)
    with started(server, lambda: answers(address)):
        server.await_workers(3)
        yield server
    shutil.rmtree(metrics.folder_of(f"127.0.0.1:{address.port}", str(server.cache)), ignore_errors=True)


def speak(sayna: Gunicorn, times: int) -> None:
    for _ in range(times):
        # A new connection each time, which may be another worker's.
        assert sayna.address.speak("Hello", provider="espeak").status == 200


def test_prometheus_counts_over_workers_that_die_and_reloads(sayna: Gunicorn, tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    folder.mkdir()
    prometheus = Prometheus(folder, sayna.address)
    with started(prometheus, prometheus.is_ready):
        speak(sayna, 12)
        until(lambda: prometheus.value("sayna_speech_total") == 12, 60, "12 answers are counted")
        before = set(sayna.workers())
        os.kill(min(before), signal.SIGKILL)
        until(lambda: len(set(sayna.workers()) - before) == 1, 60, "a worker is replaced")
        speak(sayna, 6)
        until(lambda: prometheus.value("sayna_speech_total") == 18, 60, "no count is lost")
        before = set(sayna.workers())
        sayna.signal(signal.SIGHUP)
        until(lambda: len(sayna.workers()) == 3 and not before & set(sayna.workers()), 60, "all workers are replaced")
        speak(sayna, 6)
        until(lambda: prometheus.value("sayna_speech_total") == 24, 60, "counts go on after a reload")
        outcomes = {'{"outcome": "HIT"}': 23, '{"outcome": "MISS"}': 1}
        until(lambda: prometheus.ask("sum by (outcome) (sayna_speech_total)") == outcomes, 60, "one was made")
        until(lambda: prometheus.value("sayna_build_info") == 1, 60, "each version is told once")
        until(lambda: prometheus.value("sayna_cache_clips") == 1, 60, "one clip is kept")
        # Each expression of the dashboard is one that Prometheus takes.
        for expression in expressions():
            prometheus.ask(expression)
    # At a reload old and new workers overlap.
    files = list(metrics.folder_of(f"127.0.0.1:{sayna.address.port}", str(sayna.cache)).iterdir())
    assert len(files) <= 4 * 7, files


def expressions() -> list[str]:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    return [target["expr"].replace("$instance", ".*") for target in targets]


def test_alerts_are_rules_of_prometheus() -> None:
    promtool = needs("promtool", "apt-get install prometheus")
    subprocess.run(
        [promtool, "check", "rules", str(DEPLOY / "alerts.yml")], check=True, capture_output=True, timeout=60
    )


def test_dashboard_and_alerts_name_metrics_that_exist() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    shown = re.findall(r"sayna_\w+", (DEPLOY / "alerts.yml").read_text() + "\n".join(expressions()))
    assert {name.removesuffix("_bucket") for name in shown} <= set(re.findall(r"`(sayna_\w+)`", page))


def test_panels_of_the_dashboard_stand_beside_each_other() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        x, y, width, height = (panel["gridPos"][name] for name in "xywh")
        cells = {(column, row) for column in range(x, x + width) for row in range(y, y + height)}
        assert x + width <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    for key in ("id", "title"):
        assert len({panel[key] for panel in dashboard["panels"]}) == len(dashboard["panels"])
