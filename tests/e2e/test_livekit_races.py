"""Two tenants who want the same rooms at the same instant, over four workers of a real gunicorn."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.conftest import StartServer
from tests.e2e.livekit import Studio

ROOMS = 50


@pytest.mark.parametrize("machines", [1, 2])
def test_fresh_room_has_one_winner_and_its_metadata_names_the_winner(
    studio: Studio, server: StartServer, machines: int
) -> None:
    """Two machines share no lock: what LiveKit answers decides alone."""
    other = Studio(server(**studio.livekit.settings), studio.livekit) if machines > 1 else studio
    homes = {"a": studio, "b": other}
    run = uuid.uuid4().hex
    together = [threading.Barrier(2, timeout=30) for _ in range(ROOMS)]

    def ask(number: int, tenant: str) -> tuple[int, str]:
        names = {"room_name": f"{run} {number}", "participant_name": tenant, "participant_identity": tenant}
        together[number].wait()
        answer = homes[tenant].ask("POST", "/livekit/token", tenant, **names)
        assert ("token" in answer.json()) == (answer.status == 200)
        return answer.status, tenant

    def race(number: int) -> str:
        with ThreadPoolExecutor(2) as pool:
            outcomes = sorted(pool.map(lambda tenant: ask(number, tenant), "ab"))
        assert [status for status, _ in outcomes] == [200, 403]
        return outcomes[0][1]

    with ThreadPoolExecutor(5) as pool:
        winners = list(pool.map(race, range(ROOMS)))
    for number, winner in enumerate(winners):
        loser = "b" if winner == "a" else "a"
        body = studio.ask("GET", f"/livekit/rooms/{run}%20{number}", winner).json()
        assert json.loads(body["metadata"]) == {"auth_id": winner}
        assert studio.ask("GET", f"/livekit/rooms/{run}%20{number}", loser).status == 404


def test_many_threads_of_many_workers_share_a_handful_of_connections(studio: Studio) -> None:
    studio.token("busy")

    def ask(_: int) -> int:
        return studio.ask("GET", "/livekit/rooms/busy").status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(400))) == {200}
    assert "loop is closed" not in studio.sayna.log
