"""The OpenAPI document: apispec builds it from the schemas and from operations/, one YAML file a subject.

`build` is not imported here: it is in sayna.openapi.document, which loads apispec.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, with `{name}` for its variables."""

    path: str
    method: str
    public: bool
