"""Is everything right? Reads what the services wrote, as a role that can only read, and names what does not agree.

`python -m services.verify`, or `make verify` for the stack of `make run`. It belongs to no service: it knows their
tables through the schema `verify`, which each of them fills by its migrations/verifier.sql.
"""
