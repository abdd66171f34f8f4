"""In the OpenAPI document, a table that comes as JSON or as a file: one status, several media types."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema

from services.gateway.core.table_forms import MEDIA_TYPES

_FILE = Schema(type=OpenAPIType.STRING)


@dataclass
class TableOperation(Operation):
    """Says which files the answer may be, beside the JSON that the route names."""

    def __post_init__(self) -> None:
        """Add the files' media types to the success."""
        success = (self.responses or {}).get("200")
        if isinstance(success, OpenAPIResponse):
            files = {media: OpenAPIMediaType(schema=_FILE) for media in MEDIA_TYPES.values()}
            success.content = {**(success.content or {}), **files}
