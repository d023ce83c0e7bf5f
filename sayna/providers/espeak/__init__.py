"""espeak-ng, the embedded engine: no key, no network, a hundred languages; rendered in the pool of engines."""

from sayna.providers.espeak.espeak_provider import Espeak, EspeakConfig

__all__ = ["Espeak", "EspeakConfig"]
