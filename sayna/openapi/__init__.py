"""The OpenAPI document: what stands beside each view, put together by apispec from the schemas.

`build` is in sayna.openapi.document, which loads apispec; whoever only documents a view does without.
"""

from sayna.openapi.operation import BYTES, AccessRule, Operation, ResponseDoc, Route, documented, operation_of

__all__ = ["BYTES", "AccessRule", "Operation", "ResponseDoc", "Route", "documented", "operation_of"]
