"""From an event file to clean columns and quarantined rows; what cannot be read is told, never guessed."""

from event_store.ingest.options import ParseOptions
from event_store.ingest.parse import Parsed, parse

__all__ = ["ParseOptions", "Parsed", "parse"]
