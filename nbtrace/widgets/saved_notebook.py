"""Takes nbtrace's outputs out of a saved notebook, and leaves everything else as it is.

Every output that nbtrace makes carries ``"nbtrace"`` in its metadata, and every widget of nbtrace
has a ``_bundle`` in its state. Nothing is imported that Jupyter needs, since git runs this for
every notebook that it looks at. What else a person's cells have shown, other libraries' widgets
included, is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

from nbtrace.exceptions import NbtraceError

# What marks an output as nbtrace's, in its metadata.
MARK = "nbtrace"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_REFERENCE = "IPY_MODEL_"


def remove_outputs(notebook: dict[str, Any]) -> int:
    """Remove nbtrace's outputs and widgets from a notebook, in place.

    Parameters
    ----------
    notebook : dict
        The JSON of an ``.ipynb`` file, version 4.

    Returns
    -------
    int
        How many outputs and saved widgets were removed.

    Examples
    --------
    >>> output = {"output_type": "display_data", "data": {}, "metadata": {"nbtrace": {}}}
    >>> notebook = {"cells": [{"cell_type": "code", "outputs": [output]}], "metadata": {}}
    >>> remove_outputs(notebook), notebook["cells"][0]["outputs"]
    (1, [])
    """
    models = _widget_models(notebook)
    ours = {name for name, model in models.items() if "_bundle" in _dict(model, "state")}
    removed = len(ours)
    for cell in _list(notebook, "cells"):
        outputs = _list(cell, "outputs")
        kept = [output for output in outputs if not _is_ours(output, ours)]
        if len(kept) != len(outputs):
            removed += len(outputs) - len(kept)
            cell["outputs"] = kept
    if ours:
        _remove_models(notebook, models, ours)
    return removed


def clean_text(text: str) -> str:
    """Return the text of a notebook without nbtrace's outputs.

    Parameters
    ----------
    text : str
        The text of an ``.ipynb`` file.

    Returns
    -------
    str
        The very same text when there was nothing to remove; else formatted as Jupyter does.

    Raises
    ------
    NbtraceError
        When the text is not a notebook of version 4.

    Examples
    --------
    >>> clean_text('{"nbformat": 4, "cells": []}')
    '{"nbformat": 4, "cells": []}'
    """
    try:
        notebook = json.loads(text)
    except ValueError as error:
        message = f"it is not JSON ({error}); is it a notebook?"
        raise NbtraceError.invalid(message) from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:  # noqa: PLR2004
        message = "it is not a notebook of format 4; open it in Jupyter and save it again"
        raise NbtraceError.invalid(message)
    if not remove_outputs(notebook):
        return text
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def clean_file(path: Path, *, check: bool = False) -> bool:
    """Remove nbtrace's outputs from a notebook file.

    Parameters
    ----------
    path : Path
        The ``.ipynb`` file; it is replaced in one step and keeps its permissions.
    check : bool
        Whether to leave the file as it is.

    Returns
    -------
    bool
        Whether there was something to remove.

    Raises
    ------
    NbtraceError
        When it cannot be read or written, or is not a notebook.
    """
    try:
        text = path.read_text(encoding="utf-8")
        cleaned = clean_text(text)
        changed = cleaned != text
        if changed and not check:
            _replace(path.resolve(), cleaned)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path}: {error}"
        raise NbtraceError.invalid(message) from None
    except NbtraceError as error:
        message = f"{path}: {error.message}"
        raise NbtraceError.invalid(message) from None
    return changed


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def _is_ours(output: Any, ours: set[str]) -> bool:
    if MARK in _dict(output, "metadata"):
        return True
    view = _dict(_dict(output, "data"), WIDGET_VIEW)
    return str(view.get("model_id")) in ours


def _widget_models(notebook: dict[str, Any]) -> dict[str, Any]:
    widgets = _dict(_dict(notebook, "metadata"), "widgets")
    return _dict(_dict(widgets, WIDGET_STATE), "state")


def _remove_models(notebook: dict[str, Any], models: dict[str, Any], ours: set[str]) -> None:
    """Remove models and the layouts that only they refer to."""
    theirs = {name for model in ours for name in _references(models[model])}
    others = {
        name for model, saved in models.items() if model not in ours for name in _references(saved)
    }
    for name in ours | (theirs - others):
        models.pop(name, None)
    if not models:
        widgets = notebook["metadata"]["widgets"]
        del widgets[WIDGET_STATE]
        if not widgets:
            del notebook["metadata"]["widgets"]


def _references(model: Any) -> set[str]:
    """Return the models that a saved model names in its state."""
    return {
        value.removeprefix(_REFERENCE)
        for value in _dict(model, "state").values()
        if isinstance(value, str) and value.startswith(_REFERENCE)
    }


def _dict(holder: Any, key: str) -> dict[str, Any]:
    """Return the mapping under a key; an empty one where the notebook has something else."""
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, dict) else {}


def _list(holder: Any, key: str) -> list[Any]:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, list) else []
