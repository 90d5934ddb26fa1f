"""PostgreSQL's settings for the machine at hand. Pure: memory and disk in, settings out."""

MIB = 1024 * 1024
GIB = 1024 * MIB

# A 2xx promises that the data survives a power cut.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def postgres_settings(memory_bytes: int, free_disk_bytes: int) -> dict[str, str]:
    """Settings for a server that shares the machine with everything else."""
    shared = max(64 * MIB, min(memory_bytes // 4, GIB))
    wal = 4 * GIB if free_disk_bytes > 40 * GIB else GIB
    return DURABLE | {
        "max_connections": "200",
        "shared_buffers": _mib(shared),
        "effective_cache_size": _mib(max(memory_bytes // 2, 256 * MIB)),
        "work_mem": "16MB",
        "maintenance_work_mem": _mib(max(64 * MIB, min(memory_bytes // 16, 512 * MIB))),
        "max_wal_size": _mib(wal),
        "wal_compression": "on",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "io_workers": "2",
        "max_logical_replication_workers": "0",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_line_prefix": "%p ",
        "log_checkpoints": "off",
    }


def _mib(size_bytes: int) -> str:
    return f"{size_bytes // MIB}MB"
