"""The pipeline steps of this app."""

from events.pipeline import Chunk, apply
from identity import resolving, updating


@apply
def resolve_identity(chunk: Chunk) -> None:
    """Find or make the person behind every batch (reference 2.2.6; default strategy)."""
    resolving.resolve(chunk)


@apply
def update_profile(chunk: Chunk) -> None:
    """Attributes, identities, devices, consent, first and last seen; then the person goes on with the batch."""
    updating.update_all(chunk)
