"""Cut a JSON array into its elements without reading them: for one that nests deeper than a decoder goes. Pure."""

import re
from itertools import pairwise

# Texts whole, so that no bracket within one counts. Possessive: a text that never ends is read only once.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?P<end>"?)|[\[\]{},]', re.DOTALL)


def cut(body: bytes) -> list[bytes] | None:
    """The elements as they were sent, each perhaps no JSON by itself; None when where they end cannot be told."""
    stripped = body.strip()
    if not (stripped.startswith(b"[") and stripped.endswith(b"]")):
        return None
    commas = _commas(stripped)
    if commas is None:
        return None
    bounds = [0, *commas, len(stripped) - 1]
    elements = [stripped[start + 1 : end].strip() for start, end in pairwise(bounds)]
    return elements if all(elements) else None


def _commas(array: bytes) -> list[int] | None:
    """Where the commas between elements stand; None when brackets or texts are not closed."""
    depth, commas = 0, []
    for token in _TOKEN.finditer(array):
        mark = token[0]
        if mark == b"," and depth == 1:
            commas.append(token.start())
        elif mark in {b"[", b"{"}:
            depth += 1
        elif mark in {b"]", b"}"}:
            depth -= 1
            if depth == 0 and token.end() < len(array):
                return None
        elif mark != b"," and not token["end"]:
            return None
    return commas if depth == 0 else None
