"""Which lane a batch waits in."""

import pytest

from cdp_project.workspaces.environment import Environment
from events.batch import BatchHead
from events.identity_types import IdentityType
from events.intake.lane_key import key_bucket, lane_buckets, lane_of_bucket

CUSTOMER, EMAIL, STAMP = IdentityType.CUSTOMER_ID, IdentityType.EMAIL, IdentityType.DEVICE_APPLICATION_STAMP


def head(environment: Environment = Environment.PRODUCTION, mpid: int | None = None, **named: str) -> BatchHead:
    identities = {IdentityType[name.upper()]: value for name, value in named.items()}
    return BatchHead(environment, mpid, identities, 0)


def test_the_customer_id_decides_before_the_device_and_that_before_all_others() -> None:
    alone = key_bucket(head(customer_id="c"), 1)
    device = key_bucket(head(device_application_stamp="d"), 1)

    assert key_bucket(head(customer_id="c", device_application_stamp="d", email="e", mpid=5), 1) == alone
    assert key_bucket(head(device_application_stamp="d", email="e", mpid=5), 1) == device
    assert key_bucket(head(email="e", mpid=5), 1) == key_bucket(head(email="e"), 1)
    assert len({alone, device, key_bucket(head(email="e"), 1), key_bucket(head(mpid=5), 1)}) == 4


def test_who_names_nobody_has_no_lane_of_his_own() -> None:
    assert key_bucket(head(), 1) is None


def test_workspace_environment_and_type_are_part_of_the_key() -> None:
    keys = [
        key_bucket(head(customer_id="c"), 1),
        key_bucket(head(customer_id="c"), 2),
        key_bucket(head(Environment.DEVELOPMENT, customer_id="c"), 1),
        key_bucket(head(email="c"), 1),
    ]

    assert len(set(keys)) == 4


@pytest.mark.parametrize("lanes", [1, 3, 16, 100, 4095, 4096])
def test_lanes_share_all_buckets_out_and_stand_for_themselves(lanes: int) -> None:
    own = lane_buckets(lanes)

    assert sorted({lane_of_bucket(bucket, lanes) for bucket in range(4096)}) == own
    assert len(own) == lanes
    assert [lane_of_bucket(bucket, lanes) for bucket in own] == own
