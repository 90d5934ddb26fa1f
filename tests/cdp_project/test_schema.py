"""The API's own description."""

import json

import pytest
from django.test import Client


def test_the_schema_names_every_address_of_programs_and_no_foreign_host(db: None) -> None:
    answer = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})

    assert answer.status_code == 200
    paths = json.loads(answer.content)["paths"]
    assert {"/v2/events", "/oauth/token"} <= set(paths)
    assert any(path.startswith("/api/v1/workspaces/") for path in paths)
    assert json.loads(answer.content)["servers"] == [{"url": "/"}]
    assert "/admin/" not in "".join(paths)


def test_the_intake_tells_all_of_its_answers_and_nothing_of_the_house(db: None) -> None:
    answer = Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    schema = json.loads(answer.content)

    responses = schema["paths"]["/v2/bulkevents"]["post"]["responses"]
    assert "408" in responses
    assert "$ref" in responses["202"]["content"]["application/json"]["schema"]
    assert set(schema["components"]["schemas"]["IntakeResult"]["properties"]) >= {"index", "batch_id", "status", "code"}
    assert "content" not in schema["paths"]["/v2/events"]["post"]["responses"]["202"]
    assert not [word for word in ("events.urls", "DRF", "`events.", "as_view") if word in answer.text]


@pytest.mark.parametrize("accept", ["*/*", "application/yaml"])
def test_the_schema_is_yaml_for_those_who_ask_nothing_else(db: None, accept: str) -> None:
    answer = Client().get("/api/schema/", headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.content.startswith(b"openapi: 3")


def test_each_operation_stands_in_an_area_and_answers_with_what_every_answer_has(db: None) -> None:
    schema = json.loads(Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"}).content)
    areas = {each["name"]: each["description"] for each in schema["tags"]}
    areas_told = set()
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            (area,) = operation["tags"]
            areas_told.add(area)
            assert areas[area]
            assert operation["summary"]
            assert {scheme for each in operation.get("security", []) for scheme in each} <= set(
                schema["components"]["securitySchemes"]
            )
            for status, answer in operation["responses"].items() if path.startswith("/api/v1/") else ():
                assert answer["headers"]["X-Request-Id"]
                assert ("RateLimit-Limit" in answer["headers"]) == (status != "401")
                if status >= "400":
                    assert list(answer["content"]) == ["application/problem+json"]
                    told = answer["content"]["application/problem+json"]["schema"]
                    assert told == {"$ref": "#/components/schemas/Problem"}

    assert areas_told == set(areas)
    assert schema["info"]["description"]
