"""One module a resource type: its ``EXAMPLE``, which the matrix runs every test of the mechanism with."""
