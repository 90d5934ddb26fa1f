"""The unmodified mParticle client for Node: what it sends is read back, is on the profile, reaches the sink."""

import json
import subprocess
from collections import Counter

from tests.clients.conftest import NODE_FOLDER
from tests.product import Api, Credentials, Product, eventually

RUN = "node-run"


def upload(credentials: Credentials, secret: str | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            "node",
            "mparticle.js",
            credentials.base_url,
            credentials.server_key,
            secret or credentials.server_secret,
            RUN,
        ],
        cwd=NODE_FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_single_and_bulk_uploads_arrive_count_for_count(product: Product, credentials: Credentials, api: Api) -> None:
    at_the_sink_before = product.sink()["events"]

    done = upload(credentials)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"single": 202, "bulk": 202}
    first = eventually(lambda: api.events_of(f"{RUN}-node-1"), lambda events: len(events) >= 3)
    second = eventually(lambda: api.events_of(f"{RUN}-node-2"), lambda events: len(events) >= 3)
    assert Counter(event["name"] for event in first) == {"Opened": 1, "Closed": 1, "Returned": 1}
    assert Counter(event["name"] for event in second) == {"Opened": 1, "Searched": 1, "Closed": 1}
    attributes = api.profile_of(f"{RUN}-node-1")["attributes"]
    assert attributes == {"hair color": "brown", "visits": 3, "tags": ["a", "b"], "tagged": None}
    eventually(lambda: product.sink()["events"] - at_the_sink_before, lambda arrived: arrived >= 6)
    assert product.sink()["events"] - at_the_sink_before == 6


def test_a_wrong_secret_is_refused_and_stores_nothing(credentials: Credentials, api: Api) -> None:
    before = len(api.events_of(f"{RUN}-node-1"))

    done = upload(credentials, secret="wrong")

    assert done.returncode == 1
    assert done.stderr.startswith("403")
    assert len(api.events_of(f"{RUN}-node-1")) == before
