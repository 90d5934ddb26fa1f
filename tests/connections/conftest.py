"""A sink that may be reached, and the post that delivers to it."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.post import Post
from tests.shop import Shop
from tests.sink import Sink, running_sink


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    settings.CDP_DELIVERY_ALLOW = ["127.0.0.1/32"]
    with running_sink() as sink:
        yield sink


@pytest.fixture
def second_sink(settings: Settings) -> Iterator[Sink]:
    with running_sink() as sink:
        yield sink


@pytest.fixture
def post(shop: Shop) -> Iterator[Post]:
    post = Post(shop)
    yield post
    post.close()
