"""Reads header blocks of a peer that was told to use no dynamic table."""

from __future__ import annotations

# Of the static table nothing else occurs in gRPC's replies; other names are told by their number.
_STATIC = {8: (":status", b"200"), 31: ("content-type", b"")}


def decoded(block: bytes) -> dict[str, bytes]:
    """The headers. A value in Huffman's code stays in it. Raises ValueError for what needs a dynamic table."""
    headers, at = {}, 0
    while at < len(block):
        first = block[at]
        if first & 0x80:
            index, at = _integer(block, at, 7)
            name, value = _static(index)
        elif first & 0xE0 == 0x20:
            _, at = _integer(block, at, 5)  # a new size of the dynamic table
            continue
        else:
            index, at = _integer(block, at, 6 if first & 0x40 else 4)
            if index:
                name = _static(index)[0]
            else:
                raw, at = _string(block, at)
                name = raw.decode("latin-1")
            value, at = _string(block, at)
        headers[name] = value
    return headers


def literal(name: str, value: str) -> bytes:
    """A header that enters the peer's dynamic table; both parts shorter than 127 bytes."""
    parts = name.encode(), value.encode()
    if max(map(len, parts)) >= 127:
        raise ValueError(f"too long: {name}: {value}")
    return b"\x40" + b"".join(bytes([len(part)]) + part for part in parts)


def _static(index: int) -> tuple[str, bytes]:
    if index > 61:
        raise ValueError(f"header {index} of a dynamic table, which was not allowed")
    return _STATIC.get(index, (f"static {index}", b""))


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    limit = (1 << bits) - 1
    value = block[at] & limit
    at += 1
    if value < limit:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    size, at = _integer(block, at, 7)
    return block[at : at + size], at + size
