#!/bin/sh
# Dumps the database every so many hours into the folder of copies and keeps the newest. Run by the service `copies` of
# docker-compose.yml in the image of the database, whose pg_dump is of the server's version. docs/operations.md, section 6,
# says how to restore, and what a dump does not hold. PGHOST, PGUSER, PGPASSWORD and PGDATABASE say which database.
#   copies.sh            goes on until it is told to end
#   copies.sh healthy    fails where the newest copy is older than twice the hours between two
set -eu
umask 077   # a dump holds what the database keeps secret
folder=${COPIES_DIR:-/var/lib/postgresql/data}
every_h=${FIRETOWER_BACKUP_EVERY_H:-24} keep=${FIRETOWER_BACKUP_KEEP:-7}
look_every_s=60 again_s=600   # after a copy that failed
clocks_differ_s=3600          # a copy that is younger than now by more than that was made by a wrong clock
at_work=

whole() {   # NAME VALUE
  case $2 in ''|0*|*[!0-9]*|??????*) echo "copies: $1: '$2' is no whole number from 1 to 99999" >&2; exit 2 ;; esac
}

youngest_s() {   # how long ago the newest copy was made; nothing where there is none
  now=$(date +%s) found=
  for copy in "$folder"/firetower-*.dump; do
    made=$(stat -c %Y "$copy" 2>/dev/null) || continue
    age=$((now - made))
    [ "$age" -ge "-$clocks_differ_s" ] || continue
    if [ -z "$found" ] || [ "$age" -lt "$found" ]; then found=$age; fi
  done
  echo "$found"
}

younger_than() {   # HOURS
  age=$(youngest_s)
  [ -n "$age" ] && [ "$age" -lt $(($1 * 3600)) ]
}

run() {   # what takes long, so that a signal ends it and us
  "$@" & at_work=$!
  wait "$at_work" || { at_work=; return 1; }
  at_work=
}

dump() {   # NAME: whole or not there; the version of TimescaleDB beside it, without which it cannot be restored
  rm -f "$folder"/*.part || return 1
  version="select extversion from pg_extension where extname = 'timescaledb'"
  psql -XAtqw -v ON_ERROR_STOP=1 -c "$version" >"$folder/$1.version.part" || return 1
  run pg_dump -w -Fc -f "$folder/$1.part" || return 1   # it syncs what it wrote
  pg_restore -l "$folder/$1.part" >/dev/null || return 1
  mv "$folder/$1.version.part" "$folder/$1.version" && mv "$folder/$1.part" "$folder/$1"
}

let_go() {   # NAME of the newest, which stays whatever the clock says of the others
  kept=1
  ls -1t "$folder" | grep '^firetower-.*\.dump$' | while read -r copy; do
    [ "$copy" != "$1" ] || continue
    kept=$((kept + 1))
    if [ "$kept" -gt "$keep" ]; then rm -f "$folder/$copy" "$folder/$copy.version"; echo "copies: $copy removed"; fi
  done
}

end() {
  if [ -n "$at_work" ]; then kill "$at_work" 2>/dev/null || true; fi
  rm -f "$folder"/*.part
  exit 0
}

whole FIRETOWER_BACKUP_EVERY_H "$every_h"
whole FIRETOWER_BACKUP_KEEP "$keep"
if [ "${1:-}" = healthy ]; then younger_than $((2 * every_h)); exit; fi
trap end TERM INT
while :; do
  wait_s=$look_every_s
  if ! younger_than "$every_h"; then
    name=firetower-$(date -u +%Y%m%dT%H%M%SZ).dump
    if dump "$name"; then
      echo "copies: $name is whole, $(stat -c %s "$folder/$name") bytes"
      let_go "$name"
    else
      echo "copies: no copy was made; tried again in $((again_s / 60)) min" >&2
      wait_s=$again_s
    fi
  fi
  run sleep "$wait_s"
done
