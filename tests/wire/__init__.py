"""Real servers on loopback that answer as vendors do, or fail as they do, and remember every request."""

from tests.wire.hit import Hit
from tests.wire.server import FaultServer, blackhole
from tests.wire.vendor import VendorFake

__all__ = ["FaultServer", "Hit", "VendorFake", "blackhole"]
