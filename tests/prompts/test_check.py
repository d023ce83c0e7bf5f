"""Checking a list: every mistake by its line, names of files, defaults, and what is to be paid."""

from collections.abc import Iterator
from typing import Any

import pytest

from sayna.config import load_config
from sayna.errors import ProviderNotAllowed
from sayna.prompts.check import CheckedList, check
from sayna.services import Services, build
from sayna.speech.plan import Plan
from tests.wire.deepgram import DeepgramFake


@pytest.fixture
def services() -> Iterator[Services]:
    built = build(load_config({"DEEPGRAM_API_KEY": "good", "LOG_LEVEL": "ERROR"}))
    yield built
    built.close()


def checked(services: Services, columns: str, *rows: str, known: set[str] | None = None, **more: Any) -> CheckedList:
    cells = [(number, row.split("|")) for number, row in enumerate(rows, 2)]
    return check(columns.split("|"), cells, services.planner, lambda prompt: prompt.name in (known or set()), **more)


def test_every_mistake_is_told_with_its_line(services: Services) -> None:
    found = checked(
        services,
        "name|text|provider|speaking_rate|voice_id",
        "a|Hello|espeak|",
        "b||espeak|",
        "c|Hello|nobody|",
        "d|Hello|espeak|9",
        "A|Hello|espeak|",
        "../e|Hello|espeak|",
        "f|Hello|google|",
        "g|Hello|espeak||nosuch/voice",
    )

    assert [prompt.name for prompt in found.prompts] == ["a"]
    assert [mistake.line for mistake in found.mistakes] == [3, 4, 5, 6, 7, 8, 9]
    assert found.mistakes[3].sentence == "line 2 has the name A already"


def test_row_without_a_name_is_called_after_its_text(services: Services) -> None:
    found = checked(
        services, "text|provider", "Please hold, line 1!|espeak", "please HOLD line 1|espeak", "你好|espeak"
    )

    assert [prompt.name for prompt in found.prompts] == ["please-hold-line-1", "please-hold-line-1-2", "prompt"]


def test_characters_are_those_of_vendors_for_new_sounds(services: Services) -> None:
    found = checked(
        services,
        "name|text|provider|audio_format",
        "a|One|deepgram",
        "b|One|deepgram|mp3",
        "c|Three|deepgram",
        "d|Free of charge|espeak",
        "e|Known|deepgram",
        known={"e"},
    )

    assert [prompt.name for prompt in found.missing] == ["a", "c", "d"]
    assert found.characters == len("One") + len("Three")


def test_defaults_hold_for_rows_without_a_voice_of_their_own(services: Services) -> None:
    voice = {"provider": "espeak", "voice_id": "gmw/en-US", "audio_format": "mulaw"}
    found = checked(services, "text|provider|language", "One||", "Two||de", "Three|deepgram|", defaults=voice)

    assert not found.mistakes
    plans = [prompt.plan for prompt in found.prompts]
    spoken = [(plan.provider.slug, plan.voice_id, plan.target.audio_format) for plan in plans]
    assert spoken == [
        ("espeak", "gmw/en-US", "mulaw"),
        ("espeak", "gmw/de", "mulaw"),
        ("deepgram", DeepgramFake.voice, "mulaw"),
    ]


def test_row_that_the_caller_may_not_have_is_a_mistake(services: Services) -> None:
    def permit(plan: Plan) -> Plan:
        if not plan.provider.local:
            raise ProviderNotAllowed("this tenant may not use it")
        return plan

    found = checked(services, "text|provider", "One|deepgram", "Two|espeak", permit=permit)

    assert [mistake.sentence for mistake in found.mistakes] == ["this tenant may not use it"]


def test_column_that_is_no_field_is_named(services: Services) -> None:
    assert checked(services, "text|Remarks|", "Hello|new|").unused == ["Remarks"]
