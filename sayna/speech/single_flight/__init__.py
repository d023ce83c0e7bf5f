"""Single flight: identical requests at the same time are rendered once, over all threads and processes."""

from sayna.speech.single_flight.coordinator import SingleFlight
from sayna.speech.single_flight.frames import FlightAborted
from sayna.speech.single_flight.stream import Rendering
from sayna.speech.single_flight.subscriber import Subscriber

__all__ = ["FlightAborted", "Rendering", "SingleFlight", "Subscriber"]
