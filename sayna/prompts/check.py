"""Checks a list of prompts before anything is paid: the mistakes by line, and what must be rendered."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sayna.errors import InvalidRequest, SaynaError
from sayna.prompts.table import NAME, Table, fields_of, recognized
from sayna.schemas.speak import load_speak
from sayna.speech.plan import Plan
from sayna.speech.planner import Planner

# Folders are allowed, because telephone systems have them: digits/1.
_FILE_NAME = re.compile(r"(?=.{1,200}$)[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
NAME_CHARS = 40
_VOICE = frozenset({"voice", "provider", "voice_id", "model", "voice_settings", "language"})


@dataclass(frozen=True, slots=True)
class Prompt:
    """One row: its line, the name of its file without an ending, its body of POST /speak, and its plan."""

    line: int
    name: str
    body: Mapping[str, Any]
    plan: Plan
    is_known: bool


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a line, as a sentence."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckedList:
    """The good rows, the mistakes, and the columns that are no fields."""

    prompts: list[Prompt]
    mistakes: list[Mistake]
    unused: list[str]

    @property
    def missing(self) -> list[Prompt]:
        """The prompts to render: the first of those with the same sound."""
        first = {prompt.plan.sound: prompt for prompt in reversed(self.prompts) if not prompt.is_known}
        return sorted(first.values(), key=lambda prompt: prompt.line)

    @property
    def characters(self) -> int:
        """The characters that vendors are paid for; local voices are free."""
        return sum(prompt.plan.characters for prompt in self.missing if not prompt.plan.provider.local)


def check(
    table: Table,
    planner: Planner,
    is_known: Callable[[Prompt], bool],
    *,
    defaults: Mapping[str, Any] | None = None,
    permit: Callable[[Plan], Plan] = lambda plan: plan,
    tenant: str | None = None,
) -> CheckedList:
    """Return the checked list; `defaults` are fields of rows without their own; no vendor is called.

    `permit` returns the targets that the caller may use, or raises a SaynaError; `tenant` is the caller's, whose
    pronunciations count. Raises InvalidRequest when the columns are wrong.
    """
    names = recognized(table.columns)
    if "auth" in (defaults or {}):
        raise InvalidRequest("the defaults have auth; a list of prompts must not hold keys")
    prompts: list[Prompt] = []
    mistakes: list[Mistake] = []
    taken: dict[str, int] = {}
    for line, cells in table.rows:
        try:
            row = fields_of(names, cells)
            name = _file_name(str(row.pop(NAME, "")), str(row.get("text", "")), taken, line)
            body = _with_defaults(row, defaults or {})
            plan = permit(planner.plan(replace(load_speak(body), tenant=tenant)))
        except SaynaError as error:
            mistakes.append(Mistake(line, error.message))
            continue
        prompt = Prompt(line, name, body, plan, is_known=False)
        prompts.append(Prompt(line, name, body, plan, is_known(prompt)))
    unused = [column for column, name in zip(table.columns, names, strict=True) if column.strip() and not name]
    return CheckedList(prompts, mistakes, unused)


def _with_defaults(row: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row over the defaults; a row with a voice or language of its own takes no other part of a voice."""
    dropped = _VOICE if _VOICE & row.keys() else frozenset()
    if not {"voice", "provider"} & row.keys():
        dropped = dropped - {"provider"}
    return {**{name: value for name, value in defaults.items() if name not in dropped}, **row}


def _file_name(name: str, text: str, taken: dict[str, int], line: int) -> str:
    """Return the name of the row, otherwise one from its text; raises InvalidRequest."""
    if not name:
        name = next(candidate for candidate in _from_text(text) if candidate.lower() not in taken)
    if not _FILE_NAME.fullmatch(name):
        raise InvalidRequest("name must have letters, digits, dots, dashes and underscores, / between folders")
    # Two names that differ only in case are one file on Windows and macOS.
    if earlier := taken.get(name.lower()):
        raise InvalidRequest(f"line {earlier} has the name {name} already")
    taken[name.lower()] = line
    return name


def _from_text(text: str) -> Iterator[str]:
    words = re.findall(r"[a-z0-9]+", text.lower())
    base = "-".join(words)[:NAME_CHARS].strip("-") or "prompt"
    return itertools.chain((base,), (f"{base}-{number}" for number in itertools.count(2)))
