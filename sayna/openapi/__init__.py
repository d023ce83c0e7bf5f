"""The OpenAPI document: what stands beside each view, put together by apispec from the schemas."""

from sayna.openapi.document import Access, Route, build
from sayna.openapi.operation import BYTES, Answer, Operation, documented, operation_of

__all__ = ["BYTES", "Access", "Answer", "Operation", "Route", "build", "documented", "operation_of"]
