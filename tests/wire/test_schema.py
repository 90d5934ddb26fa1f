"""The API does what its schema says: requests made up from it, good and bad ones, by every role and by nobody.

No answer is a fault of the server; each has a status, a content type, headers and a body that the schema declares; and
nothing answers without credentials. The requests are the same in every run.
"""

from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from cdp_project.workspaces.models import Role
from tests.conformance.estate import IDS, Estate
from tests.conformance.routes import PLACEHOLDER, routes
from tests.events.conftest import basic

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
# Requests made up for each operation, good ones and as many bad ones; each is sent by everybody.
EXAMPLES = 5
# Those who may change least come first: they find what is still there.
VISITORS = (None, Role.VIEWER, Role.ANALYST, Role.EDITOR, Role.ADMIN)
# What deletes comes last: until then there is something to find.
ORDER = {"get": 0, "post": 1, "put": 2, "patch": 2, "delete": 3}
# What ends the keys that uploads are sent with comes with that.
ENDING, LAST = "/rotate", 3
# What each placeholder is of, by the address as the schema writes it.
WORDS = {
    route.in_schema: {found["name"]: found["word"] for found in PLACEHOLDER.finditer(route.text)} for route in routes()
}


class Visitor:
    """Whoever sends the requests of one role, or of nobody. `faults` tells what came of them."""

    def __init__(self, estate: Estate, role: Role | None) -> None:
        self._role = role
        self.faults: dict[str, str] = {}
        self.calls = 0
        self._ids = {word: value_of(estate) for word, value_of in IDS.items()}
        self._bearer = "" if role is None else f"Bearer {estate.token(role)}"
        self._basic = "" if role is None else basic(estate.shop.key.key, estate.shop.key.secret)

    def ask(self, case: Case[Any], *, is_found: bool) -> None:
        """Of our own workspace always, or all would be 404; of its objects or of what does not exist."""
        words = WORDS[case.operation.path]
        for name in case.path_parameters:
            if words[name] == "workspaces" or is_found:
                case.path_parameters[name] = self._ids[words[name]]
        authorization = self._bearer if case.operation.path.startswith("/api/") else self._basic
        answer = case.call(headers={"Authorization": authorization} if authorization else {})
        self.calls += 1
        self._judge(case, answer)

    def _judge(self, case: Case[Any], answer: Response) -> None:
        label = f"{case.operation.label} {answer.status_code}"
        if is_closed(case.operation) and (answer.status_code == 401) != (self._role is None):
            self.faults.setdefault(label, f"{label} with the role {self._role}")
        if is_empty_by_wish(case, answer):
            return
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as fault:
            self.faults.setdefault(label, str(fault))


def is_closed(operation: Any) -> bool:
    """The schema says that it wants credentials in a header; those of OAuth stand in the body as well."""
    return bool(operation.definition.raw.get("security")) and not operation.path.startswith("/oauth/")


def is_empty_by_wish(case: Case[Any], answer: Response) -> bool:
    """Bulk uploads are answered with results only for `verbose=1`, which a schema cannot say."""
    return answer.status_code == 202 and "bulkevents" in case.operation.path and not answer.content


def tour(operation: Any, mode: GenerationMode, visitors: list[Visitor]) -> None:
    """Everybody sends the same requests, which are the same in every run."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans())
    def ask(case: Case[Any], is_found: bool) -> None:
        for visitor in visitors:
            visitor.ask(case, is_found=is_found)

    ask()


def modes_of(operation: Any) -> list[GenerationMode]:
    """With nothing but texts in its path there is nothing to get wrong."""
    return list(GenerationMode) if operation.query or operation.body else [GenerationMode.POSITIVE]


@pytest.mark.timeout(400)
def test_the_api_does_what_its_schema_says(estates: tuple[Estate, Estate]) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/schema/", WSGIHandler())
    # Credentials are the visitors' own, and not made up.
    schema.config.generation.update(with_security_parameters=False)
    found = list(schema.get_all_operations())
    readable = [each.ok() for each in found if isinstance(each, Ok)]
    assert len(readable) == len(found), "An operation of the schema cannot be read."
    operations = sorted(readable, key=lambda each: LAST if each.path.endswith(ENDING) else ORDER[each.method])
    visitors = [Visitor(estates[0], role) for role in VISITORS]
    for operation in operations:
        for mode in modes_of(operation):
            tour(operation, mode, visitors)

    faults = {label: fault for visitor in visitors for label, fault in visitor.faults.items()}
    assert faults == {}, next(iter(faults.values()))
    assert len(operations) > 20
    assert all(visitor.calls >= len(operations) for visitor in visitors)
