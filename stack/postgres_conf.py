"""What postgresql.conf says for the embedded server. Called by `stack.postgres`."""


def server_settings(memory_bytes: int, *, durable: bool) -> dict[str, str]:
    """postgresql.conf for a small box shared with a broker and our programs.

    Sizes follow the machine's memory; WAL is given room because ingest writes all day in small commits.
    """
    megabytes = memory_bytes // 2**20
    shared = max(64, min(megabytes // 8, 1024))
    settings = {
        "shared_preload_libraries": "'timescaledb'",
        "password_encryption": "'scram-sha-256'",
        "max_connections": "100",
        "max_locks_per_transaction": "256",  # a statement over 400 daily chunks and their indexes takes 1200 locks
        "shared_buffers": f"'{shared}MB'",
        "effective_cache_size": f"'{max(256, megabytes // 2)}MB'",
        # systemd removes what lies in /dev/shm when its user logs out, and no connection is taken any more then; in a
        # container it is small. What is attached in this way stays.
        "dynamic_shared_memory_type": "sysv",
        "work_mem": "'8MB'",
        "maintenance_work_mem": f"'{max(64, min(megabytes // 16, 256))}MB'",
        "jit": "off",  # plans here are short; compiling them costs more than it saves
        "synchronous_commit": "on",
        "wal_level": "'replica'",
        "max_slot_wal_keep_size": "'4GB'",  # kept for a backup that is away; past it the backup begins with a new copy
        "wal_compression": "on",
        "min_wal_size": "'256MB'",
        "max_wal_size": "'2GB'",
        "checkpoint_timeout": "'10min'",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        "log_line_prefix": "'%m [%p] %a '",
        "log_min_duration_statement": "'1s'",
        "max_worker_processes": "16",
        "timescaledb.max_background_workers": "4",
        "autovacuum_naptime": "'15s'",
    }
    if not durable:  # tests: a crash of the machine may lose the throw-away cluster, a kill of the server may not
        settings |= {
            "fsync": "off",
            "dynamic_shared_memory_type": "mmap",  # in the cluster's folder: it goes with it when the server is killed
            "full_page_writes": "off",
            "shared_buffers": "'128MB'",
            "max_connections": "200",
            "max_wal_size": "'192MB'",
            "min_wal_size": "'80MB'",
            "log_min_duration_statement": "'5s'",
        }
    return settings
