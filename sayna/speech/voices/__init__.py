"""GET /voices below HTTP: the voice lists of all providers, fetched in parallel, kept on disk, in one form."""

from sayna.speech.voices.catalogue import VoiceCatalogue, VoiceListing
from sayna.speech.voices.encoding import EncodedVoices, EncodedVoicesCache, VoiceFilter, select
from sayna.speech.voices.languages import speaks
from sayna.speech.voices.normalize import GENDERS
from sayna.speech.voices.store import VoiceList, VoiceListStore

__all__ = [
    "GENDERS",
    "EncodedVoices",
    "EncodedVoicesCache",
    "VoiceCatalogue",
    "VoiceFilter",
    "VoiceList",
    "VoiceListStore",
    "VoiceListing",
    "select",
    "speaks",
]
