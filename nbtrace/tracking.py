"""MLflow's other place for its client."""

from __future__ import annotations

from nbtrace.client import MlflowClient

__all__ = ["MlflowClient"]
