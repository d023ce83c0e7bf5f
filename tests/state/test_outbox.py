"""Outbox: events wait durably, in order within a room, in bounded number."""

import pytest

from sayna.errors import Overloaded
from sayna.state.ports import Delivery, Outbox
from tests.state.conftest import Backend


def put(outbox: Outbox, event_id: str, room: str = "lobby", host: str = "a.example.com") -> None:
    outbox.put(event_id, host=host, owner="a", room=room, body=f"body of {event_id}")


def get(outbox: Outbox, event_id: str) -> Delivery:
    found = outbox.get(event_id)
    assert found is not None
    return found


def test_event_survives_in_another_worker(backend: Backend) -> None:
    assert not backend.outbox().is_used()
    put(backend.outbox(), "EV_1")
    assert backend.outbox().is_used()
    found = get(backend.outbox(), "EV_1")
    assert (found.host, found.owner, found.body, found.attempts) == ("a.example.com", "a", "body of EV_1", 0)
    assert backend.outbox().get("EV_2") is None


def test_event_waits_once(backend: Backend) -> None:
    outbox = backend.outbox()
    put(outbox, "EV_1")
    put(outbox, "EV_1", room="other")
    assert outbox.due(8) == [("EV_1", "a.example.com")]
    outbox.remove(get(outbox, "EV_1"))
    assert outbox.due(8) == []


def test_only_the_first_event_of_a_room_is_due(backend: Backend) -> None:
    outbox = backend.outbox()
    for event_id, room in (("EV_1", "lobby"), ("EV_2", "lobby"), ("EV_3", "kitchen")):
        put(outbox, event_id, room)
    assert [event_id for event_id, _ in outbox.due(8)] == ["EV_1", "EV_3"]
    outbox.postpone(get(outbox, "EV_1"))
    assert [event_id for event_id, _ in outbox.due(8)] == ["EV_3"]
    outbox.remove(get(outbox, "EV_1"))
    assert [event_id for event_id, _ in outbox.due(8)] == ["EV_2", "EV_3"]


def test_postponed_event_counts_its_attempts(backend: Backend) -> None:
    outbox = backend.outbox()
    put(outbox, "EV_1")
    for attempts in range(3):
        delivery = get(outbox, "EV_1")
        assert delivery.attempts == attempts
        outbox.postpone(delivery)
    assert outbox.due(8) == []


def test_host_gets_no_more_than_its_share(backend: Backend) -> None:
    outbox = backend.outbox()
    for number in range(5):
        put(outbox, f"EV_{number}", room=f"{number}")
    put(outbox, "EV_b", room="b", host="b.example.com")
    assert [event_id for event_id, _ in outbox.due(2)] == ["EV_0", "EV_1", "EV_b"]


def test_full_host_refuses_events_for_itself_only(backend: Backend) -> None:
    outbox = backend.outbox(max_waiting_at_host=2)
    put(outbox, "EV_1")
    put(outbox, "EV_2")
    with pytest.raises(Overloaded) as caught:
        put(outbox, "EV_3")
    assert caught.value.retry_after == 30
    put(outbox, "EV_4", host="b.example.com")


def test_full_outbox_refuses_every_event(backend: Backend) -> None:
    outbox = backend.outbox(max_waiting=1)
    put(outbox, "EV_1")
    with pytest.raises(Overloaded):
        put(outbox, "EV_2", host="b.example.com")
