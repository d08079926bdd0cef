"""Pictures and sound for tests: small, real, and the same each time."""

from __future__ import annotations

import base64
import io
import wave
import zlib


def png(width: int = 160, height: int = 100) -> bytes:
    """Return a picture with a different colour at each place."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (x * 3 % 256, y * 5 % 256, x * y % 256))
        for y in range(height)
    )
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def wav(seconds: int = 1) -> bytes:
    """Return a tone as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 1, 16_000, 0, "NONE", ""))
        out.writeframes(bytes(128 + (place % 40) for place in range(16_000 * seconds)))
    return file.getvalue()


def base64_of(content: bytes) -> str:
    """Return content as base64."""
    return base64.b64encode(content).decode()


def data_url(content: bytes, kind: str = "image/png") -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64_of(content)}"
