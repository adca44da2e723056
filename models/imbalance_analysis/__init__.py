"""Cell imbalance at rest: voltage range, spread of the state of charge with its uncertainty, trend, and records."""

from models.imbalance_analysis.imbalance_analysis import ImbalanceAnalysis

__all__ = ["ImbalanceAnalysis"]
