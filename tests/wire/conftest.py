"""The neighbours of the conformance tests, and a web process of one's own."""

from tests.conformance.conftest import estates

__all__ = ["estates"]
