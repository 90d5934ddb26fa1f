"""Commerce expansion: how many events come of one, and what they say."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.commerce import expanded
from tests.samples import CUSTOM, PURCHASE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def carts(depth: int = 3) -> st.SearchStrategy[object]:
    """Objects with the fields of carts, at any of which something else may stand."""
    if not depth:
        return JSON
    inner = carts(depth - 1)
    names = ("product_action", "promotion_action", "product_impressions", "products", "promotions", "custom_attributes")
    fields = {name: inner | st.lists(inner, max_size=2) for name in names}
    action = JSON | st.sampled_from(["purchase", "refund", "view"])
    return JSON | st.fixed_dictionaries({}, optional={**fields, "action": action, "id": JSON})


def with_data(**data: object) -> list[str]:
    return [event.name for event in expanded(replace(PURCHASE, data=data))]


def test_a_purchase_of_three_products_gives_three_and_a_total() -> None:
    events = expanded(PURCHASE)
    assert [event.name for event in events] == ["eCommerce - purchase - Item"] * 3 + ["eCommerce - purchase - Total"]
    *items, total = (event.data["custom_attributes"] for event in events)
    assert items[1] == {
        "Transaction Id": "t-1",
        "colour": "blue",
        "Id": "p-2",
        "Name": "Pot",
        "Item Price": 20.0,
        "Quantity": 1,
    }
    assert total == {
        "Transaction Id": "t-1",
        "Total Amount": 70.0,
        "Tax Amount": 5.0,
        "Currency Code": "CHF",
        "Product Count": 3,
    }


def test_the_parts_have_ids_of_their_own_that_stay_the_same() -> None:
    ids = [event.event_id for event in expanded(PURCHASE)]
    assert len(set(ids)) == 4
    assert all(each.startswith(PURCHASE.event_id) for each in ids)
    assert ids == [event.event_id for event in expanded(PURCHASE)]
    assert not any("product_action" in event.data for event in expanded(PURCHASE))


def test_only_purchases_and_refunds_have_a_total() -> None:
    products = [{"id": "p-1"}, {"id": "p-2"}]
    assert (
        with_data(product_action={"action": "add_to_cart", "products": products})
        == ["eCommerce - add_to_cart - Item"] * 2
    )
    assert len(with_data(product_action={"action": "refund", "products": products})) == 3


def test_promotions_and_impressions_expand_without_total() -> None:
    assert (
        with_data(promotion_action={"action": "view", "promotions": [{"id": "x"}, {"id": "y"}]})
        == ["eCommerce - view - Item"] * 2
    )
    shown = [{"product_impression_list": "top", "products": [{"id": "p-1"}, {"id": "p-2"}]}]
    assert with_data(product_impressions=shown) == ["eCommerce - Impression - Item"] * 2


def test_what_cannot_be_expanded_stays_as_it_is() -> None:
    assert expanded(CUSTOM) == (CUSTOM,)
    empty = replace(PURCHASE, data={"product_action": {"action": "view_detail"}})
    assert expanded(empty) == (empty,)
    nothing = replace(PURCHASE, data={})
    assert expanded(nothing) == (nothing,)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=2), carts())
def test_whatever_shape_it_has_it_is_expanded(data: dict[str, object], cart: object) -> None:
    found = expanded(replace(PURCHASE, data={**data, **(cart if isinstance(cart, dict) else {"product_action": cart})}))
    assert found
    assert len({each.event_id for each in found}) == len(found)
    assert all(isinstance(each.name, str) for each in found)
    msgspec.json.encode(found)


@pytest.mark.parametrize("action", ["x", ["x"], {"products": "x"}, {"products": ["x"]}, {"action": [], "products": {}}])
def test_what_is_no_cart_counts_as_none(action: object) -> None:
    """Malformed carts are stored as they came, so delivery meets them."""
    event = replace(PURCHASE, data={"product_action": action, "custom_attributes": ["x"]})
    assert expanded(event) == (event,)
