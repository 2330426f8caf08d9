"""Arrays on the wire: ``{dtype, shape, codec, data}`` with binary data, never JSON lists.

The same little dictionary travels in three ways. In a trait, ipywidgets lifts the bytes out by itself. In an answer,
`split_buffers` does it. In a static page, `to_text` writes them as base64. The page reads all three with one function.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

from interpwidgets.errors import InputError

# What a page can read without copying: one typed array class each. 64-bit integers are not among them on purpose.
DTYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")

Wire = dict[str, Any]


def pack(array: np.ndarray, *, deflate: bool = True) -> Wire:
    """Encode an array for the page.

    Args:
        array: any shape; its dtype is one of `DTYPES`.
        deflate: compress (zlib). Attention pictures shrink two to ten times; set False for data that does not.
    """
    if array.dtype.name not in DTYPES:
        raise InputError(
            expected=f"an array of one of {', '.join(DTYPES)}",
            got=array.dtype.name,
            fix="Convert it first, e.g. array.astype('float32').",
        )
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    codec = "raw"
    if deflate and len(data) > 64:
        data, codec = zlib.compress(data, 6), "deflate"
    return {"dtype": array.dtype.name, "shape": list(array.shape), "codec": codec, "data": data}


def unpack(wire: Wire) -> np.ndarray:
    """The array that `pack` encoded."""
    data = zlib.decompress(wire["data"]) if wire["codec"] == "deflate" else wire["data"]
    return np.frombuffer(data, dtype=np.dtype(wire["dtype"]).newbyteorder("<")).reshape(wire["shape"])


def split_buffers(value: Any) -> tuple[Any, list[bytes]]:
    """Replace every bytes object inside nested dicts and lists by its index into the returned list of buffers."""
    buffers: list[bytes] = []

    def walk(node: Any) -> Any:
        if isinstance(node, bytes):
            buffers.append(node)
            return len(buffers) - 1
        if isinstance(node, dict):
            return {key: walk(child) for key, child in node.items()}
        if isinstance(node, list | tuple):
            return [walk(child) for child in node]
        return node

    return walk(value), buffers


def well_formed(text: str) -> str:
    """Text that UTF-8 can carry: half of a surrogate pair, which a Python string may hold alone, becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def to_text(value: Any) -> Any:
    """Replace every bytes object inside nested dicts and lists by base64 text, for a static page."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {key: to_text(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [to_text(child) for child in value]
    return value
