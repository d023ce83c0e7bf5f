"""Single flight: identical requests at the same time are rendered once, over all threads and processes."""

from sayna.tts.flight.flight import Rendering
from sayna.tts.flight.flights import Flights
from sayna.tts.flight.listener import Listener
from sayna.tts.flight.wire import FlightAborted

__all__ = ["FlightAborted", "Flights", "Listener", "Rendering"]
