"""From an event file to clean columns and quarantined rows; what cannot be read is told, never guessed."""

from event_store.ingest.options import ParseOptions
from event_store.ingest.parse import Parsed, parse
from event_store.ingest.read import check_file

__all__ = ["ParseOptions", "Parsed", "check_file", "parse"]
