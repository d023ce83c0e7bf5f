"""Single flight: identical requests at the same time are rendered once, over all threads and processes."""

from sayna.speech.single_flight.coordinator import Flights
from sayna.speech.single_flight.frames import FlightAborted
from sayna.speech.single_flight.stream import Rendering
from sayna.speech.single_flight.subscriber import Listener

__all__ = ["FlightAborted", "Flights", "Listener", "Rendering"]
