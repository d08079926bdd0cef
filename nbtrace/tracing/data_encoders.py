"""Write arrays, frames, tensors and images as what describes them and a few of their values.

The types are recognised by name (``BY_NAME``), so none of these libraries is imported. What lives
on a device, in another process or in a file gives its shape and type of element only.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

from nbtrace.tracing.snapshot import cut_mark, type_name

if TYPE_CHECKING:
    from nbtrace.store.taken_out import TakenOut
    from nbtrace.tracing.snapshot import Encoder, Snapshot

# Up to so many elements an array is shown whole; of a larger one a few say what it holds.
MAX_ARRAY_VALUES = 64
FIRST_VALUES = 8
# As pandas shows a head; more columns than this are not read by a person.
HEAD_ROWS = 5
MAX_COLUMNS = 50
# A thumbnail is part of the trace and of the saved notebook; this size is about 4 kB.
THUMBNAIL_PIXELS = 96
MAX_THUMBNAIL_BYTES = 24_000
# The image itself, at most 50 ms of work: PNG takes 100 ns a pixel, JPEG 5, which has no alpha.
MAX_PNG_PIXELS = 400_000
MAX_JPEG_PIXELS = 4_000_000
JPEG_QUALITY = 90
# Shrinking reads every pixel of the source, so large images are sampled to this size first.
MAX_SOURCE_PIXELS = 1_000


def _shape(value: Any) -> Any:
    shape = getattr(value, "shape", None)
    return list(shape) if isinstance(shape, tuple) else None if shape is None else str(shape)


def encode_described(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write type, shape, element type and device, and nothing of the content."""
    result: dict[str, Any] = {"type": type_name(type(value))}
    for name in ("shape", "dtype", "device"):
        try:
            found = _shape(value) if name == "shape" else getattr(value, name, None)
        except Exception:  # noqa: S112 - a closed file, a donated buffer
            continue
        if found is not None and not callable(found):
            result[name] = found if name == "shape" else str(found)
    return snapshot.walk(result, depth)


def encode_array(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a numpy array: shape, element type, all or the first of its values."""
    kind = type(value)
    if kind.__qualname__ != "ndarray":  # masked, memory-mapped, with units
        return encode_described(value, snapshot, depth)
    total = value.size
    few = value if total <= MAX_ARRAY_VALUES else value.flat[:FIRST_VALUES]
    if value.dtype.kind in "mM":  # tolist() would give bare integers
        few = few.astype(str)
    values = snapshot.walk(few.tolist(), depth + 1)
    if total > MAX_ARRAY_VALUES:
        values.append(cut_mark(FIRST_VALUES, total, "values"))
    shape, dtype = list(value.shape), str(value.dtype)
    return {"type": type_name(kind), "shape": shape, "dtype": dtype, "values": values}


def _encode_scalar(value: Any, snapshot: Snapshot, depth: int) -> Any:
    item = value.item()
    if type(item) is type(value) or type(value).__name__ in {"datetime64", "timedelta64"}:
        return snapshot.text(str(value))
    return snapshot.walk(item, depth)


def encode_frame(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a pandas frame: shape, columns with their types, the first rows."""
    rows, width = value.shape
    small = value.iloc[:HEAD_ROWS, :MAX_COLUMNS]
    names = [name if type(name) is str else snapshot.key(name) for name in small.columns]
    columns: list[Any] = [
        {"name": name, "dtype": str(dtype)}
        for name, dtype in zip(names, small.dtypes, strict=False)
    ]
    if width > MAX_COLUMNS:
        columns.append(cut_mark(MAX_COLUMNS, width, "columns"))
    unique = len(set(names)) == len(names)
    head: list[Any] = [
        dict(zip(names, row, strict=False)) if unique else list(row)
        for row in small.itertuples(index=False, name=None)
    ]
    if rows > HEAD_ROWS:
        head.append(cut_mark(HEAD_ROWS, rows, "rows"))
    result = {
        "type": type_name(type(value)),
        "shape": [rows, width],
        "columns": columns,
        "head": head,
    }
    return snapshot.walk(result, depth)


def encode_series(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a pandas series, index or array: name, length, element type, the first values."""
    total = len(value)
    first = value.iloc[:HEAD_ROWS] if hasattr(value, "iloc") else value[:HEAD_ROWS]
    head = first.tolist()
    if total > HEAD_ROWS:
        head.append(cut_mark(HEAD_ROWS, total, "values"))
    result: dict[str, Any] = {"type": type_name(type(value))}
    name = getattr(value, "name", None)
    if name is not None:
        result["name"] = name
    return snapshot.walk(
        {**result, "length": total, "dtype": str(value.dtype), "head": head}, depth
    )


def encode_polars_frame(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write an eager polars frame: shape, columns with their types, the first rows."""
    rows, width = value.shape
    small = value[:HEAD_ROWS, :MAX_COLUMNS]
    columns: list[Any] = [
        {"name": name, "dtype": str(dtype)} for name, dtype in small.schema.items()
    ]
    if width > MAX_COLUMNS:
        columns.append(cut_mark(MAX_COLUMNS, width, "columns"))
    head: list[Any] = small.to_dicts()
    if rows > HEAD_ROWS:
        head.append(cut_mark(HEAD_ROWS, rows, "rows"))
    result = {
        "type": type_name(type(value)),
        "shape": [rows, width],
        "columns": columns,
        "head": head,
    }
    return snapshot.walk(result, depth)


def encode_polars_series(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a polars series: name, length, element type, the first values."""
    total = len(value)
    head = value[:HEAD_ROWS].to_list()
    if total > HEAD_ROWS:
        head.append(cut_mark(HEAD_ROWS, total, "values"))
    result = {
        "type": type_name(type(value)),
        "name": value.name,
        "length": total,
        "dtype": str(value.dtype),
        "head": head,
    }
    return snapshot.walk(result, depth)


def encode_table(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write an Arrow table: shape and columns with their types."""
    fields = list(value.schema)[:MAX_COLUMNS]
    columns: list[Any] = [{"name": field.name, "dtype": str(field.type)} for field in fields]
    if len(value.schema) > MAX_COLUMNS:
        columns.append(cut_mark(MAX_COLUMNS, len(value.schema), "columns"))
    shape = [value.num_rows, value.num_columns]
    result = {"type": type_name(type(value)), "shape": shape, "columns": columns}
    return snapshot.walk(result, depth)


def encode_image(value: Any, snapshot: Snapshot, depth: int) -> Any:
    """Write a PIL image: mode, size, a thumbnail if its pixels are in memory already."""
    width, height = value.size
    result: dict[str, Any] = {
        "type": type_name(type(value)),
        "mode": value.mode,
        "size": [width, height],
    }
    pixels = value.__dict__.get("im", value.__dict__.get("_im"))
    # Reading the pixels of an image that is still a file would decode it in the user's place.
    if pixels is None or min(width, height) < 1:
        return result
    if snapshot.taken is not None:
        result.update(_whole_image(value, snapshot.taken))
    small = value
    if max(width, height) > MAX_SOURCE_PIXELS:
        small = small.resize(_within(width, height, MAX_SOURCE_PIXELS), resample=0)
    small = small.convert("RGBA" if "A" in value.mode else "RGB")
    if max(width, height) > THUMBNAIL_PIXELS:
        small = small.resize(_within(width, height, THUMBNAIL_PIXELS), resample=2)
    buffer = io.BytesIO()
    small.save(buffer, format="PNG", optimize=False)
    data = buffer.getvalue()
    if len(data) <= MAX_THUMBNAIL_BYTES:
        uri = "data:image/png;base64," + base64.b64encode(data).decode()
        snapshot.characters -= len(uri)
        result["thumbnail"] = uri
    return result


def _whole_image(value: Any, taken: TakenOut) -> dict[str, Any]:
    """Return the image as an attachment, and its size there if it had to be made smaller."""
    width, height = size = value.size
    alpha = "A" in value.mode
    pixels = width * height
    most = MAX_PNG_PIXELS if alpha else MAX_JPEG_PIXELS
    if pixels > most:
        scale = (most / pixels) ** 0.5
        size = max(1, int(width * scale)), max(1, int(height * scale))
        value = value.resize(size, resample=0)
    image = value.convert("RGBA" if alpha else "RGB")
    buffer = io.BytesIO()
    if alpha or pixels <= MAX_PNG_PIXELS:
        image.save(buffer, format="PNG", compress_level=1)
        result = {"content": taken.add(buffer.getvalue(), "image/png")}
    else:
        image.save(buffer, format="JPEG", quality=JPEG_QUALITY)
        result = {"content": taken.add(buffer.getvalue(), "image/jpeg")}
    return result if size == (width, height) else {**result, "content_size": list(size)}


def _within(width: int, height: int, limit: int) -> tuple[int, int]:
    scale = limit / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _encode_named(value: Any, snapshot: Snapshot, depth: int) -> str:
    return f"<{type_name(type(value))}>"


def _encode_missing(value: Any, snapshot: Snapshot, depth: int) -> str:
    return str(value)


BY_NAME: dict[tuple[str, str], Encoder] = {
    ("numpy", "ndarray"): encode_array,
    ("numpy", "generic"): _encode_scalar,
    ("numpy", "dtype"): lambda value, snapshot, _: snapshot.text(str(value)),
    ("pandas", "DataFrame"): encode_frame,
    ("pandas", "Series"): encode_series,
    ("pandas", "Index"): encode_series,
    ("pandas", "ExtensionArray"): encode_series,
    ("pandas", "NaTType"): _encode_missing,
    ("pandas", "NAType"): _encode_missing,
    ("polars", "DataFrame"): encode_polars_frame,
    ("polars", "Series"): encode_polars_series,
    ("polars", "LazyFrame"): _encode_named,
    ("polars", "Expr"): _encode_named,
    ("polars", "LazyGroupBy"): _encode_named,
    ("pyarrow", "Table"): encode_table,
    ("pyarrow", "RecordBatch"): encode_table,
    ("pyarrow", "Array"): encode_described,
    ("pyarrow", "ChunkedArray"): encode_described,
    ("PIL", "Image"): encode_image,
    ("torch", "Tensor"): encode_described,
    ("torch", "Module"): _encode_named,
    ("torch", "DataLoader"): _encode_named,
    ("jax", "Array"): encode_described,
    ("jax", "Tracer"): encode_described,
    ("jaxlib", "Array"): encode_described,
    ("jaxlib", "ArrayImpl"): encode_described,
    ("tensorflow", "Tensor"): encode_described,
    ("tensorflow", "Variable"): encode_described,
    ("tensorflow", "BaseResourceVariable"): encode_described,
    ("tensorflow", "Module"): _encode_named,
    ("keras", "Layer"): _encode_named,
    ("mlx", "array"): encode_described,
    ("cupy", "ndarray"): encode_described,
    ("dask", "Array"): encode_described,
    ("cudf", "DataFrame"): encode_described,
    ("cudf", "Series"): encode_described,
    ("xarray", "DataArray"): encode_described,
    ("xarray", "Dataset"): _encode_named,
    ("h5py", "Dataset"): encode_described,
    ("zarr", "Array"): encode_described,
    ("scipy", "_spbase"): encode_described,
    ("scipy", "sparray"): encode_described,
    ("scipy", "spmatrix"): encode_described,
    ("datasets", "Dataset"): encode_described,
    ("datasets", "IterableDataset"): _encode_named,
    ("datasets", "DatasetDict"): _encode_named,
}
