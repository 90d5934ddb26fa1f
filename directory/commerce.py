"""Commerce expansion: one event per product or promotion, for partners that know no shopping carts. Pure.

A purchase or refund gives one more event with the totals (reference: Events API acceptance case EV 25).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

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
    own = {**(event.data.get("custom_attributes") or {}), **attributes}
    data = {**kept, "event_name": name, "custom_event_type": "transaction", "custom_attributes": own}
    return replace(event, event_id=f"{event.event_id}-{number}", event_type="custom_event", name=name, data=data)


_COMMERCE_FIELDS = frozenset({"product_action", "promotion_action", "product_impressions", "shopping_cart"})


def _of_products(data: Mapping[str, Any]) -> Iterator[tuple[str, Attributes]]:
    action = data.get("product_action") or {}
    products = action.get("products") or []
    name = action.get("action") or "unknown"
    shared = _renamed(action, {"transaction_id": "Transaction Id"})
    for product in products:
        yield f"eCommerce - {name} - Item", shared | _product(product)
    if name in TOTALLED:
        totals = _renamed(action, TOTAL_NAMES) | _renamed(data, {"currency_code": "Currency Code"})
        yield f"eCommerce - {name} - Total", totals | {"Product Count": len(products)}


def _of_promotions(data: Mapping[str, Any]) -> Iterator[tuple[str, Attributes]]:
    action = data.get("promotion_action") or {}
    for promotion in action.get("promotions") or []:
        yield f"eCommerce - {action.get('action') or 'unknown'} - Item", _renamed(promotion, PROMOTION_NAMES)


def _of_impressions(data: Mapping[str, Any]) -> Iterator[tuple[str, Attributes]]:
    for impression in data.get("product_impressions") or []:
        shown = _renamed(impression, {"product_impression_list": "Product Impression List"})
        for product in impression.get("products") or []:
            yield "eCommerce - Impression - Item", shown | _product(product)


def _product(product: Mapping[str, Any]) -> Attributes:
    return {**(product.get("custom_attributes") or {}), **_renamed(product, PRODUCT_NAMES)}


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> Attributes:
    return {label: values[name] for name, label in names.items() if values.get(name) is not None}
