"""Commerce expansion: one event per product or promotion, for partners that know no shopping carts. Pure.

A purchase or refund gives one more event with the totals (reference: Events API acceptance case EV 25). Events
come in whatever shape the sender gave them: what is no object or list where one belongs counts as not there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from directory.contracts import ForwardedEvent

COMMERCE = "commerce_event"
TOTALLED = frozenset({"purchase", "refund"})
PRODUCT_NAMES = {
    "id": "Id",
    "name": "Name",
    "brand": "Brand",
    "category": "Category",
    "variant": "Variant",
    "position": "Position",
    "price": "Item Price",
    "quantity": "Quantity",
    "coupon_code": "Coupon Code",
    "total_product_amount": "Total Product Amount",
}
TOTAL_NAMES = {
    "transaction_id": "Transaction Id",
    "affiliation": "Affiliation",
    "total_amount": "Total Amount",
    "tax_amount": "Tax Amount",
    "shipping_amount": "Shipping Amount",
    "coupon_code": "Coupon Code",
}
PROMOTION_NAMES = {"id": "Id", "name": "Name", "creative": "Creative", "position": "Position"}

Attributes = dict[str, Any]


def expanded(event: ForwardedEvent) -> tuple[ForwardedEvent, ...]:
    """The events that go out for one that came in; the event itself if there is nothing to expand.

    Each has an id of its own, made from the inbound one, so that a repeat is recognised.
    """
    if event.event_type != COMMERCE:
        return (event,)
    parts = [*_of_products(event.data), *_of_promotions(event.data), *_of_impressions(event.data)]
    return tuple(_part(event, number, *part) for number, part in enumerate(parts, 1)) or (event,)


def _part(event: ForwardedEvent, number: int, name: str, attributes: Attributes) -> ForwardedEvent:
    kept = {key: event.data[key] for key in event.data if key not in _COMMERCE_FIELDS}
    own = {**_object(event.data.get("custom_attributes")), **attributes}
    data = {**kept, "event_name": name, "custom_event_type": "transaction", "custom_attributes": own}
    return replace(event, event_id=f"{event.event_id}-{number}", event_type="custom_event", name=name, data=data)


_COMMERCE_FIELDS = frozenset({"product_action", "promotion_action", "product_impressions", "shopping_cart"})


def _of_products(data: Mapping[str, Any]) -> Iterator[tuple[str, Attributes]]:
    action = _object(data.get("product_action"))
    products = _objects(action.get("products"))
    name = _action_name(action)
    shared = _renamed(action, {"transaction_id": "Transaction Id"})
    for product in products:
        yield f"eCommerce - {name} - Item", shared | _product(product)
    if name in TOTALLED:
        totals = _renamed(action, TOTAL_NAMES) | _renamed(data, {"currency_code": "Currency Code"})
        yield f"eCommerce - {name} - Total", totals | {"Product Count": len(products)}


def _of_promotions(data: Mapping[str, Any]) -> Iterator[tuple[str, Attributes]]:
    action = _object(data.get("promotion_action"))
    for promotion in _objects(action.get("promotions")):
        yield f"eCommerce - {_action_name(action)} - Item", _renamed(promotion, PROMOTION_NAMES)


def _of_impressions(data: Mapping[str, Any]) -> Iterator[tuple[str, Attributes]]:
    for impression in _objects(data.get("product_impressions")):
        shown = _renamed(impression, {"product_impression_list": "Product Impression List"})
        for product in _objects(impression.get("products")):
            yield "eCommerce - Impression - Item", shown | _product(product)


def _product(product: Mapping[str, Any]) -> Attributes:
    return {**_object(product.get("custom_attributes")), **_renamed(product, PRODUCT_NAMES)}


def _action_name(action: Attributes) -> str:
    name = action.get("action")
    return name if isinstance(name, str) and name else "unknown"


def _object(value: object) -> Attributes:
    return cast("Attributes", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[Attributes]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> Attributes:
    return {label: values[name] for name, label in names.items() if values.get(name) is not None}
