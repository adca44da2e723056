"""The conformance suite that every model passes: law 1, purity, bounded memory, and a manifest that is true."""

from twins.checks.result import CheckResult
from twins.checks.suite import CHECKS, run_checks, yield_checks

__all__ = ["CHECKS", "CheckResult", "run_checks", "yield_checks"]
