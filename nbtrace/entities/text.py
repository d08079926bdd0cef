"""Text that files and databases can hold."""

from __future__ import annotations


def clean_text(text: str) -> str:
    r"""Return a text that UTF-8 can hold: lone surrogates become U+FFFD.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        The same object when there is nothing to replace.

    Examples
    --------
    >>> ascii(clean_text(chr(0xD800) + "!"))
    "'\\ufffd!'"
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
