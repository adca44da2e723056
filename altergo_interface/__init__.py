"""The model contract and the platform edge: what a model author imports, and nothing heavy."""

from altergo_interface.base_model import Model, ModelState, NoState, Outputs, register_model
from altergo_interface.data import Labels, Samples, Span, StepData, Table, align, hold
from altergo_interface.errors import (
    InfrastructureError,
    IngestError,
    ManifestError,
    ModelError,
    ParameterError,
    PlanStale,
    SelectionError,
    SettingsError,
    StoreBusy,
    StoreError,
    TwinsError,
    UnitError,
)
from altergo_interface.manifest import Continuity, Manifest
from altergo_interface.records import Record
from altergo_interface.sensors import SensorRule

CONTRACT_VERSION = 1
"""Part of every fingerprint: raised when the engine's own arithmetic around a model changes."""

__all__ = [
    "CONTRACT_VERSION",
    "Continuity",
    "InfrastructureError",
    "IngestError",
    "Labels",
    "Manifest",
    "ManifestError",
    "Model",
    "ModelError",
    "ModelState",
    "NoState",
    "Outputs",
    "ParameterError",
    "PlanStale",
    "Record",
    "Samples",
    "SelectionError",
    "SensorRule",
    "SettingsError",
    "Span",
    "StepData",
    "StoreBusy",
    "StoreError",
    "Table",
    "TwinsError",
    "UnitError",
    "align",
    "hold",
    "register_model",
]
