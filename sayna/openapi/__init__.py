"""The OpenAPI document, which apispec builds from the schemas and from the operation of each view.

`build` is not imported here: it is in sayna.openapi.document, which loads apispec.
"""

from sayna.openapi.operation import BYTES, AccessRule, Operation, ResponseDoc, Route, documented, operation_of

__all__ = ["BYTES", "AccessRule", "Operation", "ResponseDoc", "Route", "documented", "operation_of"]
