"""Open-circuit voltage over state of charge: packaged tables by chemistry, and an asset's own."""

from models._ocv.curve import REFERENCE_C, OcvTable
from models._ocv.tables import CHEMISTRIES, load_table, table_for

__all__ = ["CHEMISTRIES", "REFERENCE_C", "OcvTable", "load_table", "table_for"]
