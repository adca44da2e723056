"""Open-circuit voltage over state of charge, one packaged table per chemistry."""

from models._ocv.tables import CHEMISTRIES, OcvTable, load_table

__all__ = ["CHEMISTRIES", "OcvTable", "load_table"]
