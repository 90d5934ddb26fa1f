"""What an outbox chunk holds, as bytes: batches with the events that go out, zstd-compressed JSON."""

from collections.abc import Sequence

import msgspec
import zstandard

from directory.contracts import ForwardedBatch

COMPRESSION_LEVEL = 1
# A chunk is cut at a few megabytes; more than this was not written by us.
INFLATED_BYTES_MOST = 256_000_000
# So many bytes of a payload tell its size.
HEADER_BYTES = 18


class OutboxBatch(msgspec.Struct, frozen=True):
    """One batch with its place in the order of acceptance. Its items are its events, or itself if it has none."""

    seq: int
    batch: ForwardedBatch

    @property
    def item_count(self) -> int:
        return max(1, len(self.batch.events))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[OutboxBatch])


def encode_batch(batch: OutboxBatch) -> bytes:
    """One batch, as `pack` takes it."""
    return _encoder.encode(batch)


def pack(encoded: Sequence[bytes]) -> bytes:
    """The payload of a chunk."""
    return zstandard.ZstdCompressor(level=COMPRESSION_LEVEL).compress(b"[" + b",".join(encoded) + b"]")


def unpack(payload: bytes) -> tuple[list[OutboxBatch], int]:
    """The batches of a payload, in order, and the size of their JSON."""
    raw = zstandard.ZstdDecompressor().decompress(payload, max_output_size=INFLATED_BYTES_MOST)
    return _decoder.decode(raw), len(raw)


def json_bytes(header: bytes) -> int:
    """The size of the JSON of a payload that begins like this; 0 when it cannot be told."""
    try:
        return max(0, zstandard.frame_content_size(header))
    except zstandard.ZstdError:
        return 0
