"""MLflow's place for ``Attachment``; it is defined in ``nbtrace.entities.attachment``."""

from __future__ import annotations

from nbtrace.entities.attachment import Attachment

__all__ = ["Attachment"]
