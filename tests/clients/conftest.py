"""One running product for all client tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Api, Credentials, Product
from tests.services import var_folder

NODE_FOLDER = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    with var_folder() as var:
        product = Product(var)
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
