"""Whatever is another workspace's answers as what does not exist: every route of the API, read off the URLconf.

A new route joins by existing. One that cannot be filled in fails with what to add to `tests/conformance/estate.py`.
"""

from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import connection as database
from django.db.models import CharField, JSONField, TextField

from cdp_project.workspaces.models import Role
from tests.conformance.bodies import ValueOf, body_of, queries_of
from tests.conformance.caller import Call, Caller
from tests.conformance.conftest import CANARY
from tests.conformance.estate import FIELDS, IDS, OF_THE_HOUSE, Estate
from tests.conformance.routes import ADMIN, API, METHODS, Route, routes

ROUTES = [route for route in routes(API) if "workspaces" in route.words]
# What these name belongs to the installation, and everybody sees the same of it.
OF_EVERYBODY = {"integrations"}
Schema = dict[str, Any]
Estates = tuple[Estate, Estate]


@pytest.fixture(params=[Role.VIEWER, Role.ADMIN], ids=lambda role: str(role.label))
def caller(request: pytest.FixtureRequest, estates: Estates) -> Caller:
    return Caller(*estates, request.param)


def operations(schema: Schema) -> list[tuple[Route, str, dict[str, Any]]]:
    return [(route, method, schema["paths"][route.in_schema][method]) for route in ROUTES for method in route.methods]


def test_every_route_can_be_filled_in() -> None:
    elsewhere = [str(route) for route in routes() if route.words and not route.text.startswith((API, ADMIN))]
    unknown = sorted({word for route in ROUTES for word in route.words} - IDS.keys())
    outside = [str(route) for route in routes(API) if not set(route.words) <= OF_EVERYBODY and route not in ROUTES]

    assert outside == [], "These take ids below no workspace: put them below one, or name them in OF_EVERYBODY."
    assert elsewhere == [], "These take ids and no sweep knows them: add one to tests/conformance."
    assert unknown == [], f"Say in IDS of tests/conformance/estate.py what may stand after these words: {unknown}."
    assert len(ROUTES) > 10


def test_every_id_in_queries_and_bodies_is_known(api_schema: Schema) -> None:
    unknown: set[str] = set()

    def value_of(name: str) -> str:
        unknown.update({name} - FIELDS.keys())
        return "1"

    for _route, _method, operation in operations(api_schema):
        body_of(api_schema, operation, value_of)
        for query in queries_of(operation):
            unknown |= {name for name, word in query.items() if word is None} - FIELDS.keys()
    assert unknown == set(), f"Say in FIELDS of tests/conformance/estate.py what these name: {sorted(unknown)}."


def test_the_canary_sits_in_every_text_of_the_neighbour(estates: Estates) -> None:
    columns = [
        (model._meta.db_table, each.column)
        for model in apps.get_models()
        for each in model._meta.concrete_fields
        if isinstance(each, CharField | TextField | JSONField)
    ]
    of_strangers = [(table, column) for table, column in columns if not OF_THE_HOUSE.get(table, set()) & {"*", column}]
    without = [f"{table}.{column}" for table, column in of_strangers if not has_canary(table, column)]

    assert without == [], (
        "Let the Estate of tests/conformance/estate.py fill these, or name them in OF_THE_HOUSE there."
    )


def has_canary(table: str, column: str | None) -> bool:
    with database.cursor() as cursor:
        cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}"::text LIKE %s)', [f"%{CANARY}%"])
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("by", ["workspaces", "slug"])
def test_a_foreign_workspace_is_one_that_does_not_exist(caller: Caller, by: str) -> None:
    """With the neighbour's ids behind it, by every method that there is."""
    before = rows_of(caller.theirs)
    for route, method in product(ROUTES, ("head", "options", *METHODS)):

        def call(value_of: ValueOf, route: Route = route) -> Call:
            return route.address(lambda word: value_of(by if word == "workspaces" else word)), {}, {}

        caller.compare(f"{route} by {by}", method, call)

    assert caller.faults == [], "\n".join(caller.faults[:5])
    # OPTIONS tells of the address, whatever is behind it.
    assert {404} <= caller.statuses <= {200, 404, 405}
    assert rows_of(caller.theirs) == before


def test_foreign_objects_are_objects_that_do_not_exist(caller: Caller, api_schema: Schema) -> None:
    """Our own workspace in the path, and the neighbour's ids behind it and in the body."""
    before, home = rows_of(caller.theirs), str(caller.ours.workspace.pk)
    for route, method, operation in operations(api_schema):

        def call(value_of: ValueOf, route: Route = route, operation: Any = operation) -> Call:
            path = route.address(lambda word: home if word == "workspaces" else value_of(word))
            return path, {}, body_of(api_schema, operation, value_of)

        if len(route.words) > 1:
            caller.compare(str(route), method, call)

    assert caller.faults == [], "\n".join(caller.faults[:5])
    assert not caller.statuses & {200, 201, 204}
    assert rows_of(caller.theirs) == before


def test_foreign_ids_in_queries_and_bodies_find_nothing(caller: Caller, api_schema: Schema) -> None:
    """Our own objects in the path; each parameter by itself."""
    before = rows_of(caller.theirs)
    ours = {word: value_of(caller.ours) for word, value_of in IDS.items()}
    for route, method, operation in operations(api_schema):
        for query in [{}, *queries_of(operation)]:

            def call(value_of: ValueOf, route: Route = route, operation: Any = operation, query: Any = query) -> Call:
                asked = {name: value_of(name) if word is None else word for name, word in query.items()}
                return route.address(ours.__getitem__), asked, body_of(api_schema, operation, value_of)

            if not caller.compare(f"{route} with {list(query)}", method, call) and method == "get":
                caller.ask(str(route), method, (route.address(ours.__getitem__), {}, None))

    assert caller.faults == [], "\n".join(caller.faults[:5])
    assert 200 in caller.statuses
    assert rows_of(caller.theirs) == before


def rows_of(theirs: Estate) -> dict[str, list[str]]:
    """Every row of the neighbour's, as text, by table."""
    owners = {
        "workspace_id": theirs.workspace.pk,
        "output_id": theirs.output.pk,
        "input_id": theirs.shop.source.pk,
        "connection_id": theirs.connection.pk,
    }
    found = {}
    for model in apps.get_models():
        table, columns = model._meta.db_table, {each.column for each in model._meta.concrete_fields}
        for owner in owners.keys() & columns:
            with database.cursor() as cursor:
                cursor.execute(f'SELECT t::text FROM "{table}" t WHERE "{owner}" = %s ORDER BY 1', [owners[owner]])
                found[f"{table} by {owner}"] = [row for (row,) in cursor.fetchall()]
    assert sum(map(len, found.values())) > 20
    return found
