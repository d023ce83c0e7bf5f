"""What is said about one endpoint, beside its view."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sayna.errors import SaynaError

BYTES = {"type": "string", "format": "binary"}

View = TypeVar("View", bound=Callable[..., Any])

_OPERATIONS: dict[Callable[..., Any], "Operation"] = {}


@dataclass(frozen=True, slots=True)
class ResponseDoc:
    """A good answer: `content` is media type -> schema, `headers` name -> sentence."""

    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    example: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """Everything that a caller must know about one method of one path.

    `request` names the forms of the body, one schema each; `examples` are bodies that work as they stand;
    `query` is a schema, `parameters` are OpenAPI's own objects; `errors` are those beside the ones that
    every endpoint has; `may_be_missing` tells that not every path of it leads somewhere.
    """

    tag: str
    summary: str
    answers: Mapping[int, ResponseDoc]
    description: str = ""
    request: tuple[Any, ...] = ()
    media_type: str = "application/json"
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: Any = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[type[SaynaError], ...] = ()
    may_be_missing: bool = False


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Whether callers need a token, and whether it may be in the query."""

    required: bool
    in_query: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, as `{name}` marks its variables."""

    path: str
    method: str
    operation: Operation
    public: bool


def documented(operation: Operation) -> Callable[[View], View]:
    """Return a decorator that puts the operation beside a view and leaves the view as it is."""

    def remember(view: View) -> View:
        _OPERATIONS[view] = operation
        return view

    return remember


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return what `documented` has put beside the view."""
    return _OPERATIONS.get(view)
