"""State of charge by coulomb counting, corrected at rests by the open-circuit voltage."""

from models.soc_ocv_estimation.soc_ocv_estimation import SocOcvEstimation

__all__ = ["SocOcvEstimation"]
