"""What crosses the wire between the services. Pydantic and the standard library only; no behaviour but money's."""
