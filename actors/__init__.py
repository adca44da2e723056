"""The application: twin actors, the fleet that plans and runs them, and the command line."""

from actors.fleet import Fleet

__all__ = ["Fleet"]
