"""Quality of an asset's input, sensor by sensor and day by day."""

from models.data_quality.data_quality import DataQuality

__all__ = ["DataQuality"]
