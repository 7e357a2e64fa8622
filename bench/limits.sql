-- name: copy_targets
select format('create table if not exists bench_copy_%1$s (like reading_%1$s including all)', kind) as make,
       format('select create_hypertable(''bench_copy_%1$s'', by_range(''ts'', interval ''7 days''), create_default_indexes => false)', kind) as hyper,
       format('select * from reading_%1$s where device_id in (select id from device where code like ''%2$s%%'')', kind, $1::text) as source,
       'bench_copy_' || kind as target
from unnest(array['hydrant', 'electrical', 'water']) as kind
