"""The limits on one batch (reference 3). Characters are code points, sizes are bytes. Pure."""

REQUEST_BYTES_MOST = 256 * 1024
BATCH_BYTES_MOST = 128 * 1024
BATCHES_PER_REQUEST_MOST = 100
NESTING_MOST = 32
"""Levels of lists and objects in a batch; our own bound, far above what any client sends."""

NAME_CHARACTERS_MOST = 256
VALUE_CHARACTERS_MOST = 4096
ATTRIBUTES_MOST = 100
LIST_ENTRIES_MOST = 1000
LIST_ENTRY_CHARACTERS_MOST = 512
IDENTITY_CHARACTERS_MOST = 256
VIOLATIONS_MOST = 100
"""Places that are told; what is wrong beyond them is mended all the same."""

INTEGER_LEAST, INTEGER_MOST = -(2**63), 2**63 - 1
TIME_MS_MOST = 253_402_300_800_000  # 1 January 10000, the first that a date cannot hold
