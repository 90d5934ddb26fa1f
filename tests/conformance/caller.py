"""A program of one workspace that asks for what is another's: its answers must be those for what does not exist."""

import json
import re
from collections.abc import Callable
from typing import Any

from django.test import Client

from cdp_project.workspaces.models import Role
from tests.conformance.estate import FIELDS, IDS, Estate, nowhere

# Address, query, body.
Call = tuple[str, dict[str, str], Any]
# Which differ between any two answers.
PASSING_HEADERS = {"date", "content-length", "traceparent", "x-request-id"}
BODILESS = {"get", "head", "options"}


class Caller:
    """A program of our own workspace. `faults` tells, in sentences, what should not have been answered."""

    def __init__(self, ours: Estate, theirs: Estate, role: Role) -> None:
        self.ours, self.theirs = ours, theirs
        self.faults: list[str] = []
        self.statuses: set[int] = set()
        self._client = Client(raise_request_exception=False)
        self._token = ours.token(role)
        self._secrets = (theirs.name, theirs.shop.key.key, theirs.credential.client_id)

    def compare(self, what: str, method: str, call: Callable[[Callable[[str], str]], Call]) -> bool:
        """Make the call with the neighbour's ids and with ids that nothing has: one and the same answer.

        False when there is no id in it; then nothing was called.
        """
        told = []
        for of_neighbour in (True, False):
            used: list[str] = []
            made = call(self._noting(used, of_neighbour=of_neighbour))
            if not used:
                return False
            told.append(self._told(what, method, made, used))
        if told[0] != told[1]:
            self.faults.append(f"{method} {what}: {told[0]} for the neighbour's, {told[1]} for what does not exist")
        return True

    def ask(self, what: str, method: str, call: Call) -> Any:
        """The answer, which must neither tell of the neighbour nor be a fault."""
        address, query, body = call
        path = address + "?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else address
        headers = {"authorization": f"Bearer {self._token}", "x-request-id": "sweep"}
        given = {} if method in BODILESS else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(self._client, method)(path, headers=headers, **given)
        self.statuses.add(answer.status_code)
        # What we said ourselves may be repeated.
        shown = without(answer.content.decode() + str(dict(answer.headers)), [address, *query.values()])
        self.faults += [f"{method} {what} shows {each!r}" for each in self._secrets if each in shown]
        if answer.status_code >= 500:
            self.faults.append(f"{method} {what} is {answer.status_code}")
        return answer

    def _noting(self, used: list[str], *, of_neighbour: bool) -> Callable[[str], str]:
        def value_of(word: str) -> str:
            value = (IDS | FIELDS)[word](self.theirs)
            used.append(value if of_neighbour else nowhere(value))
            return used[-1]

        return value_of

    def _told(self, what: str, method: str, call: Call, used: list[str]) -> tuple[Any, ...]:
        answer = self.ask(what, method, call)
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in PASSING_HEADERS}
        return answer.status_code, without(str(headers), used), without(answer.content.decode(), used)


def without(text: str, values: list[str]) -> str:
    """The text with a mark in place of each value that stands by itself: a 4 is none of the 404."""
    for value in sorted(values, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "{id}", text)
    return text
