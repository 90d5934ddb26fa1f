"""What may be kept of a partner's answer: a short text without secrets and without who it was about. Pure."""

import json
import re
from collections.abc import Iterable, Iterator

SAMPLE_CHARACTERS = 500
HIDDEN = "[hidden]"
# Shorter texts are not secret by themselves, and hiding them would shred the sample.
TEXT_LENGTH_LEAST, WORD_LENGTH_LEAST = 4, 8
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")


def sample(body: bytes, hidden: Iterable[str]) -> str:
    """The beginning of an answer, with each of the texts in `hidden` and every e-mail address made unreadable."""
    # More is looked at than kept, so that a secret across the cut is still recognised.
    text = body[: SAMPLE_CHARACTERS * 8].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    for secret in sorted(_parts(hidden), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return EMAIL.sub(HIDDEN, text)[:SAMPLE_CHARACTERS]


def texts_in(value: object) -> Iterator[str]:
    """Every text and whole number (of a phone, perhaps) within a JSON value; names of fields are left out."""
    pending = [value]
    while pending:
        match pending.pop():
            case str(text):
                yield text
            case bool():
                continue
            case int(number):
                yield str(number)
            case dict(fields):
                pending.extend(fields.values())
            case list(values):
                pending.extend(values)


def _parts(hidden: Iterable[str]) -> set[str]:
    """The texts themselves, their longer words (of "Bearer abc..." a partner may repeat the end only), and both
    as they stand in JSON."""
    texts = {text for text in hidden if len(text) >= TEXT_LENGTH_LEAST}
    parts = texts | {word for text in texts for word in text.split() if len(word) >= WORD_LENGTH_LEAST}
    return parts | {json.dumps(part)[1:-1] for part in parts}
