"""What the OpenAPI document says of each endpoint; the views name the operations."""
