"""Single flight: identical requests at the same time share one synthesis, over all threads and processes."""

from sayna.speech.single_flight.coordinator import SingleFlight
from sayna.speech.single_flight.frames import StreamAborted
from sayna.speech.single_flight.stream import StreamLost
from sayna.speech.single_flight.subscriber import Subscriber
from sayna.speech.single_flight.task import Form, Synthesis, SynthesisTask

__all__ = ["Form", "SingleFlight", "StreamAborted", "StreamLost", "Subscriber", "Synthesis", "SynthesisTask"]
