"""GET /voices below HTTP: every vendor's list, asked side by side, kept on disk, in one form."""

from sayna.tts.catalogue.catalogue import Catalogue, Listing
from sayna.tts.catalogue.languages import speaks
from sayna.tts.catalogue.pages import Filter, Page, Pages, select
from sayna.tts.catalogue.shelf import Listed, Shelf
from sayna.tts.catalogue.tidy import GENDERS

__all__ = [
    "GENDERS",
    "Catalogue",
    "Filter",
    "Listed",
    "Listing",
    "Page",
    "Pages",
    "Shelf",
    "select",
    "speaks",
]
