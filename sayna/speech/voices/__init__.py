"""GET /voices below HTTP: every vendor's list, asked side by side, kept on disk, in one form."""

from sayna.speech.voices.catalogue import Catalogue, Listing
from sayna.speech.voices.languages import speaks
from sayna.speech.voices.normalize import GENDERS
from sayna.speech.voices.responses import Filter, Page, Pages, select
from sayna.speech.voices.store import VoiceList, VoiceListStore

__all__ = [
    "GENDERS",
    "Catalogue",
    "Filter",
    "Listing",
    "Page",
    "Pages",
    "VoiceList",
    "VoiceListStore",
    "select",
    "speaks",
]
