"""What a restored cluster is told before anybody can connect to it: accounts, numbers that it skips, and what happened.

Called by the restoration.
"""

from datetime import datetime

from stack.backup.copies import Copy
from stack.postgres import COPIER, MAKE_ROLES, OWNER, SUPERUSER, Postgres
from stack.state import StateDir

# Identities given after the moment that was restored are known elsewhere (119, the city's platform, people's notes),
# and must not mean something else there: every sequence skips more than can have been used meanwhile.
_SKIP_NUMBERS = """
do $$ declare s record; begin
    for s in select schemaname, sequencename, last_value, data_type from pg_sequences
        where schemaname = 'public' and last_value is not null
    loop
        perform setval(format('%I.%I', s.schemaname, s.sequencename)::regclass,
            s.last_value + case when s.data_type = 'bigint'::regtype then 1000000 else 10000 end);
    end loop;
end $$"""
# Whoever keeps copies of the restored system says so itself.
_FORGET_COPIES = """
do $$ begin
    if to_regclass('backup_status') is not null then delete from backup_status; end if;
end $$"""
# Text is sorted by the system's library. Where that is another one than on the copied server, indexes over text are in
# an order that is none here: rows are not found, and what must be unique stands twice. Ours are sorted by code points.
_SORT_ANEW = """
do $$ declare i record; begin
    if exists (select from pg_database where datname = current_database()
        and datcollversion is distinct from pg_database_collation_actual_version(oid))
    then
        for i in select x.indexrelid from pg_index x join pg_class t on t.oid = x.indrelid
                join pg_namespace n on n.oid = t.relnamespace
            where 'pg_catalog."default"'::regcollation = any(x.indcollation)
                and n.nspname not in ('pg_catalog', 'pg_toast', 'information_schema')
                and not exists (select from _timescaledb_catalog.hypertable h
                    where (h.schema_name, h.table_name) = (n.nspname, t.relname))
        loop
            execute format('reindex index %s', i.indexrelid::regclass);
        end loop;
        update pg_database set datcollversion = pg_database_collation_actual_version(oid)
            where datname = current_database();
    end if;
end $$"""
_ADMIN = """
do $$ begin
    if not exists (select from pg_roles where rolname = '{role}') then create role {role}; end if;
end $$"""
# On a server of one's own the programs may have any name. What the first superuser owns cannot be given away at once.
_GIVE_TO_OWNER = """
do $$ declare was oid := (select relowner from pg_class where oid = to_regclass('public.alembic_version')); begin
    if was is null or was = '{owner}'::regrole then
        return;
    end if;
    if was <> 10 then
        execute format('reassign owned by %s to {owner}', was::regrole);
        return;
    end if;
    raise exception 'the tables of the copy belong to its first superuser: take a dump of that server instead';
end $$"""


def settle(server: Postgres, copy: Copy, at: datetime | None, state: StateDir) -> None:
    """Make the restored cluster the state folder's own.

    Raises:
        ChildError: a statement failed.
    """
    password = state.secret("postgres_admin")
    server.run_alone(
        "postgres", [_ADMIN.format(role=SUPERUSER), f"alter role {SUPERUSER} superuser login password '{password}'"]
    )
    if copy.database != OWNER:
        server.run_alone("postgres", [f'alter database "{copy.database}" rename to {OWNER}'])
    if copy.timescaledb != server.binaries.timescaledb:
        # Alone, and before anything else is said there: any other statement asks for the library of the copy's version,
        # which need not be here.
        server.run_alone(OWNER, ["alter extension timescaledb update"])
    server.run_alone(OWNER, [MAKE_ROLES.format(owner=OWNER, copier=COPIER), _GIVE_TO_OWNER.format(owner=OWNER)])
    moment = at.isoformat() if at is not None else "the end of the log"
    said = f"'{copy.name}', jsonb_build_object('until', '{moment}')"
    statements = [
        _SORT_ANEW,
        _SKIP_NUMBERS,
        _FORGET_COPIES,
        f"insert into audit (actor, action, target, detail) values ('system', 'system.restored', {said})",  # noqa: S608
    ]
    server.run_alone(OWNER, statements)
