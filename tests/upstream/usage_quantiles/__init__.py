from .model import UsageQuantiles
