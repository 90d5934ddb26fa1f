"""W3C trace context: which headers are valid, and what is made of them."""

import re

import pytest

from cdp_project.kernel.trace_context import span_in

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("header", "flags"),
    [
        (f"00-{TRACE}-{PARENT}-01", "01"),
        (f"00-{TRACE}-{PARENT}-00", "00"),
        # Flags that are not known yet are not passed on; later versions may have more parts.
        (f"00-{TRACE}-{PARENT}-ff", "01"),
        (f"01-{TRACE}-{PARENT}-00-what-comes", "00"),
        (f"cc-{TRACE}-{PARENT}-01", "01"),
    ],
)
def test_a_valid_header_gets_a_span_of_ours_in_its_trace(header: str, flags: str) -> None:
    span, other = span_in(header), span_in(header)

    assert span is not None
    assert other is not None
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-{flags}", span.traceparent)
    assert span.span_id not in {PARENT, other.span_id}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01 ",
        f"00-{TRACE}-{PARENT}-01\n",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"01-{TRACE}-{PARENT}-01-{'x' * 200}",
        f"00-{TRACE[:-1]}٣-{PARENT}-01",
    ],
)
def test_what_is_not_valid_is_as_if_it_were_not_there(header: str) -> None:
    assert span_in(header) is None
