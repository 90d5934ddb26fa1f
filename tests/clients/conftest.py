"""One running product for all client tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Api, Credentials, Product

NODE_FOLDER = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("product"))
    try:
        product.start()
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="session")
def credentials(product: Product) -> Credentials:
    return product.credentials()


@pytest.fixture(scope="session")
def api(credentials: Credentials) -> Api:
    return Api(credentials)
