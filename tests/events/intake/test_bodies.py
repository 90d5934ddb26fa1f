"""Bodies on their way in and out of the inbox."""

import gzip
import os
import zlib

import pytest

from events.intake.bodies import PLAIN, ZSTD, inflate, pack, unpack
from events.protocol import IntakeRefusal

MOST = 1000


def status_of(body: bytes, encoding: str) -> int:
    with pytest.raises(IntakeRefusal) as caught:
        inflate(body, encoding, MOST)
    return caught.value.status


@pytest.mark.parametrize("encoding", ["", "identity", " Identity "])
def test_a_plain_body_stays(encoding: str) -> None:
    assert inflate(b"{}", encoding, MOST) == b"{}"


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_inflated_all_members_of_it(encoding: str) -> None:
    assert inflate(gzip.compress(b"[1,") + gzip.compress(b"2]"), encoding, MOST) == b"[1,2]"


def test_the_bound_is_on_the_inflated_size() -> None:
    assert inflate(gzip.compress(b"x" * MOST), "gzip", MOST) == b"x" * MOST
    assert status_of(gzip.compress(b"x" * (MOST + 1)), "gzip") == 413
    assert status_of(gzip.compress(b"x" * MOST) + gzip.compress(b"x"), "gzip") == 413
    assert status_of(b"x" * (MOST + 1), "") == 413


def test_a_bomb_is_never_inflated() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)

    assert len(bomb) < 60_000
    assert status_of(bomb, "gzip") == 413
    assert status_of(gzip.compress(b"") * 101, "gzip") == 400


@pytest.mark.parametrize("cut", [1, 8, 20])
def test_a_truncated_gzip_is_refused(cut: int) -> None:
    assert status_of(gzip.compress(b"hello world")[:-cut], "gzip") == 400


def test_what_is_no_gzip_is_refused() -> None:
    assert status_of(b"{}", "gzip") == 400
    assert status_of(gzip.compress(b"{}") + b"junk", "gzip") == 400
    assert status_of(zlib.compress(b"{}"), "gzip") == 400


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip"])
def test_other_encodings_are_refused_by_name(encoding: str) -> None:
    assert status_of(b"{}", encoding) == 415


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 1499, os.urandom(1500), b"{}" * 100_000])
def test_what_is_packed_comes_out_as_it_was(body: bytes) -> None:
    encoding, packed = pack(body)

    assert unpack(encoding, packed) == body
    assert encoding == (PLAIN if len(body) < 1500 else ZSTD)
