"""JSON from strangers: malformed is refused with its place, what PostgreSQL cannot keep is mended. Pure."""

import re
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from events.batch import BatchError, Violation
from events.decoding import array_cutting
from events.decoding.limits import INTEGER_LEAST, INTEGER_MOST, NESTING_MOST
from events.decoding.violations import INTEGER_TOO_LARGE, TEXT_UNSTORABLE
from events.reasons import MALFORMED

T = TypeVar("T")

_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole pair: a character like any other
    rb"|(?P<unstorable>u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_REPLACEMENT = rb"\ufffd"  # As long as what it replaces: places in the mended body are places in the sent one.
_PERHAPS_TOO_LARGE = re.compile(rb"[1-9][0-9]{19}|9[2-9][0-9]{17}")
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * 19


class TooDeep(BatchError):
    """A batch that nests deeper than allowed."""

    def __init__(self) -> None:
        super().__init__(MALFORMED, f"The batch is nested deeper than {NESTING_MOST} levels.")


_raw_list = msgspec.json.Decoder(list[msgspec.Raw])

_MISSING = re.compile(r"^Object missing required field `(?P<field>.+?)`(?: - at `\$\.?(?P<path>.*)`)?$")
_EXPECTED = re.compile(r"^Expected `(?P<wanted>.+?)`, got `(?P<found>.+?)`(?: - at `\$\.?(?P<path>.*)`)?$")
_PLAIN_WORDS = {"str": "a text", "int": "a number", "float": "a number", "bool": "true or false", "null": "null"}
_PLAIN_WORDS |= {"object": "an object", "array": "an array"}


def parse(body: bytes, decoder: "msgspec.json.Decoder[T]") -> tuple[T, list[Violation]]:
    """What the body says, and what was mended in it. BatchError when it is no such JSON."""
    mended, violations = _mend_texts(body)
    return _decode(mended, decoder), violations


def elements_of(body: bytes) -> list[bytes]:
    """The elements of an array, each as it was sent. BatchError when it is no array."""
    mended, _violations = _mend_texts(body)
    try:
        elements = _decode(mended, _raw_list)
    except TooDeep:
        # One batch that nests too deep is one bad batch: the others are read.
        if (cut := array_cutting.cut(body)) is None:
            raise
        return cut
    found, position = [], 0
    for element in elements:
        # Between elements stand only commas and blanks, so the first match is the element itself.
        start = mended.index(element, position)
        position = start + len(bytes(element))
        found.append(body[start:position])
    return found


def _decode(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    if not body.strip():
        raise BatchError(MALFORMED, "The body is empty; send JSON.")
    _check_utf8(body)
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise BatchError(MALFORMED, _sentence(str(error))) from None
    except RecursionError:
        raise TooDeep from None


def _check_utf8(body: bytes) -> None:
    if body.isascii():
        return
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise BatchError(MALFORMED, f"The body is not UTF-8: byte {error.start} cannot be read.") from None


def _mend_texts(body: bytes) -> tuple[bytes, list[Violation]]:
    # Looking for one byte is much cheaper than any pattern, and most bodies escape nothing.
    if b"\\" not in body or _SUSPICIOUS_ESCAPE.search(body) is None:
        return body, []
    count = 0

    def replace(match: re.Match[bytes]) -> bytes:
        nonlocal count
        if match["unstorable"] is None:
            return match[0]
        count += 1
        return _REPLACEMENT

    mended = _ESCAPE.sub(replace, body)
    return mended, [Violation(TEXT_UNSTORABLE, "")] * count


def may_nest_too_deep(body: bytes) -> bool:
    """False when the body has too few brackets for it: then nobody needs to follow them."""
    return body.count(b"{") + body.count(b"[") > NESTING_MOST


def check_nesting(value: dict[str, Any] | list[Any], levels: int = NESTING_MOST) -> None:
    """BatchError when containers within `value`, itself the first, are more than `levels` deep."""
    if levels == 0:
        raise TooDeep
    children: Iterable[Any] = value.values() if type(value) is dict else value
    for child in children:
        if type(child) is dict or type(child) is list:
            check_nesting(child, levels - 1)


def may_hold_large_integers(body: bytes) -> bool:
    """False when no number in it can lie beyond 64 bits: then nobody needs to look for one."""
    # A run of digits is found twenty times as fast as the pattern, and hardly any body has one.
    if _LONG_NUMBER not in body.translate(_DIGITS_ALIKE):
        return False
    return _PERHAPS_TOO_LARGE.search(body) is not None


def mend_integers(value: Any, place: tuple[str | int, ...], violations: list[Violation]) -> Any:
    """The value with whole numbers beyond 64 bits as text. Nesting was checked before."""
    if type(value) is dict:
        return {name: mend_integers(child, (*place, name), violations) for name, child in value.items()}
    if type(value) is list:
        return [mend_integers(child, (*place, index), violations) for index, child in enumerate(value)]
    if type(value) is int and not INTEGER_LEAST <= value <= INTEGER_MOST:
        violations.append(Violation.at(INTEGER_TOO_LARGE, *place))
        return str(value)
    return value


def _sentence(message: str) -> str:
    """The decoder's message in words that name the field."""
    if match := _MISSING.match(message):
        path = f"{match['path']}." if match["path"] else ""
        return f"{path}{match['field']} is missing."
    if match := _EXPECTED.match(message):
        return f"{match['path'] or 'The body'} must be {_plain(match['wanted'])}, not {_plain(match['found'])}."
    return f"The body cannot be read as JSON: {message.removeprefix('JSON is malformed: ')}."


def _plain(kinds: str) -> str:
    words = [_PLAIN_WORDS.get(kind, kind) for kind in kinds.split(" | ")]
    wanted = [word for word in words if word != "null"] or words
    return " or ".join(dict.fromkeys(wanted))
