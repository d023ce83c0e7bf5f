import logging
from pathlib import Path

import pytest

from sayna.errors import ProviderError
from sayna.http import Deadline
from sayna.providers.base import Voice
from sayna.speech.voices.catalogue import VoiceCatalogue
from sayna.speech.voices.normalize import normalize
from sayna.speech.voices.store import VoiceList, VoiceListStore
from tests.speech.longtext.vendor import Singer
from tests.threads import no_new_threads


class Crashing(Singer):
    """A vendor whose adapter has a bug."""

    def list_voices(self, deadline: Deadline) -> list[Voice]:
        raise AttributeError("'list' object has no attribute 'get'")


def test_bug_in_an_adapter_is_a_vendor_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    catalogue = VoiceCatalogue(
        {"singer": Crashing("")}, {"singer": VoiceListStore(None)}, ttl_seconds=60, timeout_seconds=5
    )
    with pytest.raises(ProviderError, match="singer"), caplog.at_level(logging.ERROR):
        catalogue.listing()
    assert "AttributeError" in caplog.text
    catalogue.close()


def test_machine_without_threads_serves_the_old_list() -> None:
    store = VoiceListStore(None)
    store.write(VoiceList((), 1.0))
    catalogue = VoiceCatalogue({"singer": Singer("")}, {"singer": store}, ttl_seconds=60, timeout_seconds=5)
    with no_new_threads():
        assert catalogue.listing().stale == ("singer",)
        assert [*catalogue.kept().lists] == ["singer"]
    catalogue.close()


def test_list_that_cannot_be_written_is_kept_by_this_worker(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    store, other = VoiceListStore(folder / "v.json"), VoiceListStore(folder / "v.json")
    store.write(VoiceList((), 1.0))
    folder.chmod(0o777)  # a folder that others may write to is not trusted
    store.write(VoiceList((), 2.0))
    held, kept = store.read(), other.read()
    assert held is not None
    assert kept is not None
    assert (held.at, kept.at) == (2.0, 1.0)
    assert [each.name for each in folder.iterdir()] == ["v.json"]


def test_fields_of_wrong_types_become_empty_ones() -> None:
    odd = Voice("v", 5, "x", sample=7, accent=None, gender="robot", language=[], tags=(1, "t"))  # type: ignore[arg-type]
    (voice,) = normalize([odd], Singer(""))
    assert (voice.name, voice.provider, voice.sample, voice.accent) == ("v", "singer", "", "Unknown")
    assert (voice.gender, voice.language, voice.tags) == ("Unknown", "Unknown", ("t",))
