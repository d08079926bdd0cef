"""Errors nbtrace raises for misuse of its own API.

Nothing in capture raises into traced code; these are for a person who passed an option, a filter or
an id that cannot work, and every message says what to do instead.
"""

from __future__ import annotations

INTERNAL_ERROR = "INTERNAL_ERROR"
INVALID_PARAMETER_VALUE = "INVALID_PARAMETER_VALUE"
INVALID_STATE = "INVALID_STATE"
RESOURCE_ALREADY_EXISTS = "RESOURCE_ALREADY_EXISTS"
RESOURCE_DOES_NOT_EXIST = "RESOURCE_DOES_NOT_EXIST"


class NbtraceError(Exception):
    """An error with a stable code.

    Parameters
    ----------
    message : str
        What went wrong and what to do about it.
    error_code : str
        One of the constants of this module, such as ``"INVALID_PARAMETER_VALUE"``; MLflow's names.

    Examples
    --------
    >>> NbtraceError.invalid("max_results must be positive, got 0").error_code
    'INVALID_PARAMETER_VALUE'
    """

    def __init__(self, message: str, error_code: str = INTERNAL_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code

    @classmethod
    def invalid(cls, message: str) -> NbtraceError:
        """Return an error for an argument that cannot work."""
        return cls(message, INVALID_PARAMETER_VALUE)

    @classmethod
    def missing(cls, message: str) -> NbtraceError:
        """Return an error for something that is not in the store."""
        return cls(message, RESOURCE_DOES_NOT_EXIST)

    @classmethod
    def no_trace(
        cls, trace_id: str, place: object, look_up: str = "nbtrace.search_traces()"
    ) -> NbtraceError:
        """Return the error for a trace that is not in a store.

        Parameters
        ----------
        trace_id : str
            As it was given.
        place : object
            The store's directory.
        look_up : str
            What lists the traces there.

        Examples
        --------
        >>> print(NbtraceError.no_trace("tr-1", ".nbtrace"))
        there is no trace 'tr-1' in .nbtrace; nbtrace.search_traces() lists what is there
        """
        return cls.missing(
            f"there is no trace {trace_id!r} in {place}; {look_up} lists what is there"
        )

    @classmethod
    def exists(cls, message: str) -> NbtraceError:
        """Return an error for something that is in the store already."""
        return cls(message, RESOURCE_ALREADY_EXISTS)


# `except mlflow.exceptions.MlflowException` of a notebook that came from MLflow.
MlflowException = NbtraceError
