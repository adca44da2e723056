"""The conformance suite: every check by name, and how they are run."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from altergo_interface.models import ModelSpec
from twins.checks.chunking import chunk_sensitivity
from twins.checks.cuts import call_boundaries, law_1
from twins.checks.declared import manifest_against_behaviour
from twins.checks.gaps import empty_and_one_sample, invalid_samples, missing_optional
from twins.checks.hygiene import determinism, no_aliasing, purity
from twins.checks.memory import bounded_state, state_round_trip
from twins.checks.result import Broken, CheckResult, NotApplicable, describe
from twins.checks.subject import Subject

ONCE = ("manifest against behaviour", "missing optional inputs", "chunk sensitivity")
"""Checks that are not repeated with each set of a model's alternative inputs."""

Check = Callable[[Subject], str]
"""Says what it tried, or raises Broken or NotApplicable; whatever else comes out was raised by the model."""

CHECKS: Mapping[str, Check] = {
    "manifest against behaviour": manifest_against_behaviour,
    "law 1": law_1,
    "call boundaries": call_boundaries,
    "determinism": determinism,
    "purity": purity,
    "no aliasing": no_aliasing,
    "state round trip": state_round_trip,
    "bounded state": bounded_state,
    "empty and one-sample inputs": empty_and_one_sample,
    "invalid samples": invalid_samples,
    "missing optional inputs": missing_optional,
    "chunk sensitivity": chunk_sensitivity,
}


def yield_checks(spec: ModelSpec) -> Iterator[tuple[str, Callable[[], CheckResult]]]:
    """Name and check, to be called; the checks of one model share its synthetic history."""
    subject = Subject(spec)
    for name, check in CHECKS.items():
        yield name, partial(_verdict, name, check, subject)


def run_checks(spec: ModelSpec) -> list[CheckResult]:
    """Every check of a model, in order. Nothing that the model does wrong is raised."""
    return [check() for _, check in yield_checks(spec)]


def _verdict(name: str, check: Check, subject: Subject) -> CheckResult:
    try:
        said = check(subject)
        for variant in () if name in ONCE else subject.variants:
            _alone(check, variant)
        return CheckResult(name, "passed", said)
    except NotApplicable as reason:
        return CheckResult(name, "skipped", str(reason))
    except Broken as broken:
        return CheckResult(name, "failed", str(broken))
    except Exception as error:  # whatever a model raises
        return CheckResult(name, "failed", f"raises {describe(error)}")


def _alone(check: Check, variant: Subject) -> None:
    try:
        check(variant)
    except Exception as error:  # whatever a model raises
        said = str(error) if isinstance(error, Broken) else f"raises {describe(error)}"
        raise Broken(f"without {', '.join(sorted(variant.without))}: {said}") from error
