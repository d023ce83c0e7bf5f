"""What the OpenAPI document says of one endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sayna.errors import SaynaError

BYTES = {"type": "string", "format": "binary"}

View = TypeVar("View", bound=Callable[..., Any])

_OPERATIONS: dict[Callable[..., Any], "Operation"] = {}


@dataclass(frozen=True, slots=True)
class ResponseDoc:
    """A successful response: `content` is media type -> schema, `headers` is name -> sentence."""

    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    example: Any = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What a client must know about one method of one path.

    `request` has one schema for each form of the body. `examples` are bodies that the server accepts unchanged.
    `query` is a schema, and `parameters` are OpenAPI's own objects. `errors` are those of this endpoint only;
    the document adds the errors of every endpoint. `error_content` is media type -> schema of the errors of an
    endpoint in the dialect of another server, which has no list of them. Where errors are plain text,
    `text_status` returns their status.
    """

    tag: str
    summary: str
    responses: Mapping[int, ResponseDoc]
    description: str = ""
    request: tuple[Any, ...] = ()
    needs_body: bool = True
    media_type: str = "application/json"
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: Any = None
    parameters: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[type[SaynaError], ...] = ()
    error_content: Mapping[str, Any] = field(default_factory=dict)
    text_status: Callable[[type[SaynaError]], int] | None = None


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Whether clients need a token, and whether they may send it in the query."""

    required: bool
    in_query: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, with `{name}` for its variables."""

    path: str
    method: str
    operation: Operation
    public: bool


def documented(operation: Operation) -> Callable[[View], View]:
    """Return a decorator that registers the operation of a view and returns the view unchanged."""

    def register(view: View) -> View:
        _OPERATIONS[view] = operation
        return view

    return register


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """Return the operation that `documented` registered for the view, or None."""
    return _OPERATIONS.get(view)
