"""``%trace status`` says what one has to know: whose provider it is, and why nothing is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell


def test_the_provider_is_told_in_words(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_cell("%%trace first\n1")
    capsys.readouterr()
    shell.run_cell("%trace status")
    assert "provider:   nbtrace's own" in capsys.readouterr().out


def test_a_store_that_cannot_be_written_is_said_to_be(
    shell: InteractiveShell, store_directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_directory.write_text("a file where the store should be")
    with pytest.warns(UserWarning, match="cannot write"):
        shell.run_cell("%%trace first\n1")
    capsys.readouterr()
    shell.run_cell("%trace status")
    out = capsys.readouterr().out
    assert f"store:      {store_directory}, which cannot be written: " in out
