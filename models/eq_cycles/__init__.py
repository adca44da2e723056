"""Equivalent full cycles by coulomb throughput."""

from models.eq_cycles.eq_cycles import EqCycles

__all__ = ["EqCycles"]
