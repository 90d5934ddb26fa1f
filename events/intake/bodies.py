"""Bodies on their way: inflated within bounds when they come, packed for the inbox, unpacked for the pipeline. Pure."""

import zlib

import zstandard

from events.intake.refusals import bad_request, too_large, unknown_encoding
from events.protocol import IntakeRefusal

PLAIN, ZSTD = 0, 1  # `encoding` of an inbox row

# Below this size compressing costs more than it saves (performance.md B).
PACKED_FROM_BYTES = 1500
# The longest header of a zstd frame; it tells the size of what is in it.
HEADER_BYTES = 18
_GZIP_WINDOW = 31
MEMBERS_MOST = 100  # no client sends more than one; each costs a copy of the rest


def inflate(body: bytes, encoding: str, bytes_most: int) -> bytes:
    """The body as the client meant it, of at most `bytes_most`. IntakeRefusal: 400, 413 or 415."""
    match encoding.strip().lower():
        case "" | "identity":
            plain = body
        case "gzip" | "x-gzip":
            plain = _gunzip(body, bytes_most)
        case unknown:
            raise unknown_encoding(unknown)
    if len(plain) > bytes_most:
        raise _over(bytes_most)
    return plain


def _gunzip(body: bytes, bytes_most: int) -> bytes:
    """All members of the gzip stream; never makes more than `bytes_most` and one byte."""
    parts: list[bytes] = []
    left, rest = bytes_most, body
    while rest:
        if len(parts) == MEMBERS_MOST:
            raise bad_request(f"The gzip body has more than {MEMBERS_MOST} members.")
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = member.decompress(rest, left + 1)
        except zlib.error:
            raise bad_request("The body is not gzip, although Content-Encoding says so.") from None
        left -= len(part)
        if left < 0:
            raise _over(bytes_most)
        if not member.eof:
            raise bad_request("The gzip body ends too early.")
        parts.append(part)
        rest = member.unused_data
    return b"".join(parts)


def _over(bytes_most: int) -> IntakeRefusal:
    return too_large(f"The body has more than {bytes_most} bytes; send fewer batches a request.")


def pack(body: bytes) -> tuple[int, bytes]:
    """How the inbox keeps the body: its encoding, and the bytes."""
    if len(body) < PACKED_FROM_BYTES:
        return PLAIN, body
    # A compressor must not be shared between threads; making one is cheap.
    return ZSTD, zstandard.ZstdCompressor(level=1).compress(body)


def sent_bytes(encoding: int, beginning: bytes, kept_bytes: int) -> int:
    """Size of the body as it was sent, from how it is kept; of one that cannot be inflated the size that it has."""
    try:
        # Minus one: the frame does not say.
        told = kept_bytes if encoding == PLAIN else zstandard.frame_content_size(beginning)
    except zstandard.ZstdError:
        return kept_bytes
    return told if told >= 0 else kept_bytes


def unpack(encoding: int, body: bytes) -> bytes:
    """The body as it was sent."""
    return body if encoding == PLAIN else zstandard.ZstdDecompressor().decompress(body)
