"""What may be kept of a partner's answer: a short text without secrets and without who it was about. Pure.

The answer is short and the texts to hide may be many: each is looked for once in what can still be shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

SAMPLE_CHARACTERS = 500
HIDDEN = "[hidden]"
# What others told is hidden from this length on: to hide every "1" and "no" would shred the sample.
TEXT_LENGTH_LEAST, WORD_LENGTH_LEAST = 4, 8
# Longer texts are looked for in pieces, so that one which the cut or the partner shortened is still recognised.
PIECE_LENGTH, BEGINNING_LENGTH = 64, 8
# An e-mail address has 254 at most, so what begins within the sample ends within what is looked at.
LOOKED_AT_CHARACTERS, LOOKED_AT_BYTES = SAMPLE_CHARACTERS + 256, 4000
# Each run of letters is tried once, from its beginning: otherwise one long word would be tried from every letter.
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# What is secret wherever it stands, whosever it is: values under telling names, tokens, cards, phones, addresses.
CONFIDENTIAL = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<=[\w\"'])[\"']?\s{0,3}[:=]\s{0,3}(?=(?P<hidden>\"[^\"]*\"?|'[^']*'?|[^\s,;&}]+))",
        r"\b(?:bearer|basic)\s+(?P<hidden>[\w.~+/=-]{6,})",
        r"\b(?P<hidden>eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]+)?)",
        r"\b(?P<hidden>(?:sk|pk|rk|api|key|tok|ghp|xox[a-z])[_-][\w-]{12,})",
        r"://(?P<hidden>[^/\s@:]+:[^/\s@]+)@",
        r"(?<!\d)(?P<hidden>\d(?:[ -]?\d){14,18})(?!\d)",
        r"(?<![\w+])(?P<hidden>\+\d(?:[ ()/.-]{0,2}\d){7,14})(?!\d)",
    )
)
TELLING = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|authorization|credential|cookie"
    r"|session[_-]?id|card[_-]?(?:number|no)|cvv|cvc|iban|ssn)$",
    re.IGNORECASE,
)
TELLING_CHARACTERS = 40
ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
WRITTEN = {"b": " ", "f": " ", "n": "\n", "r": "\r", "t": "\t"}
# JSON in JSON in JSON: partners tell of an answer that told of an answer.
ESCAPED_TIMES_MOST = 3


def sample(body: bytes, names: Iterable[str], told: Iterable[str] = ()) -> str:
    """The beginning of an answer, made unreadable where it repeats what nobody may read, and every e-mail address.

    `names` (secrets and identities) are hidden as words however short they are, and their longer words too: of
    "Bearer abc..." a partner may repeat the end only. `told` are other texts; an empty answer takes none of them.
    """
    if not body:
        return ""
    plain = _plain(body[:LOOKED_AT_BYTES].decode("utf-8", "replace"))
    text = plain[:LOOKED_AT_CHARACTERS]
    is_whole = len(body) <= LOOKED_AT_BYTES and len(plain) <= LOOKED_AT_CHARACTERS
    shown = SAMPLE_CHARACTERS if is_whole else max(0, len(text) - LOOKED_AT_CHARACTERS + SAMPLE_CHARACTERS)
    return _without(text, _places(text, list(names), told), shown)


def texts_in(value: object) -> list[str]:
    """Every text and number (of a phone, of a place) within a JSON value; names of fields are left out.

    Level by level and each kind at once: a parcel has up to some ten thousand of them.
    """
    texts: list[str] = []
    level = [value]
    while level:
        texts += [each for each in level if type(each) is str]
        texts += [_written(each) for each in level if type(each) is int or type(each) is float]
        inner: list[object] = []
        for each in level:
            if isinstance(each, Mapping):
                inner.extend(each.values())
            elif isinstance(each, list | tuple):
                inner.extend(each)
        level = inner
    return texts


def long_words(texts: Iterable[str]) -> Iterator[str]:
    """Words that may tell as much as the whole text that they stand in."""
    return (word for text in texts for word in text.split() if len(word) >= WORD_LENGTH_LEAST)


def _written(number: float) -> str:
    """As most partners write it: 3.0 is 3."""
    return repr(number).removesuffix(".0")


def _plain(text: str) -> str:
    """The text as it reads once JSON's escapes are undone, without what no column holds."""
    for _ in range(ESCAPED_TIMES_MOST):
        if "\\" not in text:
            break
        text = ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else WRITTEN.get(found[2], found[2]), text)
    # Joins the halves of characters, and drops those that are alone.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _places(text: str, names: list[str], told: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where there is something to hide, as (start, end)."""
    for found in EMAIL.finditer(text):
        yield found.span()
    yield from _confidential(text)
    for name in {_plain(name) for name in names if name}:
        for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            yield found.span()
    for piece in _pieces(text, chain(names, long_words(names), told)):
        start = text.find(piece)
        while start >= 0:
            yield start, start + len(piece)
            start = text.find(piece, start + 1)


def _confidential(text: str) -> Iterator[tuple[int, int]]:
    under_a_name, *by_themselves = CONFIDENTIAL
    for found in under_a_name.finditer(text):
        if TELLING.search(text, max(0, found.start() - TELLING_CHARACTERS), found.start()):
            yield found.span("hidden")
    for pattern in by_themselves:
        for found in pattern.finditer(text):
            yield found.span("hidden")


def _pieces(text: str, hidden: Iterable[str]) -> set[str]:
    """What is looked for in the text. Most of what is hidden begins like nothing in it, and is done with here."""
    beginnings = {text[place : place + BEGINNING_LENGTH] for place in range(len(text))}
    likely = {
        each
        for each in hidden
        if (each in text if len(each) < BEGINNING_LENGTH else each[:BEGINNING_LENGTH] in beginnings)
        or len(each) > PIECE_LENGTH
        or "\\" in each
    }
    found = {piece for each in likely for piece in _cut(_plain(each))}
    return {piece for piece in found if len(piece) >= TEXT_LENGTH_LEAST}


def _cut(text: str) -> Iterator[str]:
    """A short text as it is, a long one in pieces of one length; the last two may overlap."""
    for start in range(0, len(text) - PIECE_LENGTH, PIECE_LENGTH):
        yield text[start : start + PIECE_LENGTH]
    yield text[-PIECE_LENGTH:]


def _without(text: str, places: Iterable[tuple[int, int]], shown: int) -> str:
    """The beginning of the text; places that touch are hidden as one."""
    kept, end = "", 0
    for start, stop in sorted(places):
        if start >= shown:
            break
        if start > end or not kept:
            kept += text[end:start] + HIDDEN
        end = max(end, stop)
    return (kept + text[end:shown])[:SAMPLE_CHARACTERS]
