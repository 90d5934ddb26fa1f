"""Which lane a batch waits in: what names the same person waits in the same one (DESIGN section 7). Pure."""

from cdp_project.kernel.buckets import BUCKETS, bucket_of_digest, digest
from events.batch import BatchHead
from events.identity_types import LOOKUP_ORDER

_WORDS = {kind: kind.word for kind in LOOKUP_ORDER}


def lane_of_bucket(bucket: int, lanes: int) -> int:
    """First bucket of the lane that the bucket belongs to, when all buckets are cut into so many lanes."""
    return first_bucket(bucket * lanes // BUCKETS, lanes)


def first_bucket(lane: int, lanes: int) -> int:
    """A lane's own bucket, which stands for it in keys; lanes count from 0."""
    return -(-lane * BUCKETS // lanes)


def key_bucket(head: BatchHead, workspace_id: int) -> int | None:
    """Bucket of the person that the batch names: customer id, else device, else another identity, else MPID."""
    for kind in LOOKUP_ORDER:
        if value := head.identities.get(kind):
            return _bucket(workspace_id, head, _WORDS[kind], value)
    return None if head.mpid is None else _bucket(workspace_id, head, "mpid", str(head.mpid))


def _bucket(workspace_id: int, head: BatchHead, kind: str, value: str) -> int:
    return bucket_of_digest(digest("lane", str(workspace_id), head.environment.word, kind, value))


def lane_buckets(lanes: int) -> list[int]:
    """The buckets that stand for the lanes, in order."""
    return [first_bucket(lane, lanes) for lane in range(lanes)]
