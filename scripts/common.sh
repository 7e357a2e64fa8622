# Shared by the set-up scripts: speaking, privileges, the cache folder, packages from apt.
# Sourced, never run. Promises: nothing is installed without being named first.

umask 022   # what is built here also runs as an unprivileged user, whatever the caller's umask
export PIP_USER=0; unset PIP_TARGET PIP_PREFIX PIP_ROOT PYTHONPATH PYTHONHOME   # packages go into .venv and come from there
export LC_ALL=C.UTF-8; unset LANGUAGE   # apt answers in the caller's language, and its words are read below

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

cache_dir() {
  if [ -n "${FIRETOWER_CACHE:-}" ]; then echo "$FIRETOWER_CACHE"
  elif [ "$(id -u)" = 0 ]; then echo /var/cache/firetower
  elif [ -n "${XDG_CACHE_HOME:-${HOME:-}}" ]; then echo "${XDG_CACHE_HOME:-$HOME/.cache}/firetower"
  else fail "HOME is not set: name a folder for what is built in FIRETOWER_CACHE"; fi
}

# What building the embedded servers needs, and what the tests need beyond the demo.
BUILD_PACKAGES=(build-essential cmake libssl-dev libkrb5-dev libcjson-dev libsqlite3-dev libedit-dev uthash-dev tzdata)
TEST_PACKAGES=(chromium-headless-shell fonts-noto-cjk curl)

can_be_root() { [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo true; }; }   # sudo may ask for a password here
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Ends with what an administrator has to run, when we can neither be root nor become it.
need_root_for() {
  can_be_root || fail "root is needed, and sudo is missing or refused. Ask an administrator to run
  $*
then run this again."
}

# The step's output goes to a log; on failure its end is shown, so that success stays readable.
quietly() {
  local log=$1; shift
  if ! "$@" >>"$log" 2>&1 </dev/null; then
    tail -n 25 "$log" >&2
    fail "failed: $*  (whole log: $log)"
  fi
}

need_apt() {
  command -v apt-get >/dev/null && return
  cat >&2 <<'MSG'
error: the embedded stack (PostgreSQL with TimescaleDB, mosquitto >= 2.1.2) is not on this machine, and there is no apt-get to get it with. Do one of:
  - install both yourself, and name their folder if they are not on PATH: FIRETOWER_STACK_PREFIX=/folder make setup
  - use containers: docker compose --profile demo up
  - use servers that you run: set FIRETOWER_DATABASE_URL and FIRETOWER_MQTT_URL and start `firetower ingest`, `alerts`, `api`, `gateway` yourself
MSG
  exit 1
}

# postgres_major, postgres_libraries: this system's PostgreSQL, and what its server links to (JIT is off, so no libllvm).
# Empty while apt has no package lists.
postgres_major() { apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n1; }
postgres_libraries() {
  local major; major=$(postgres_major)
  [ -z "$major" ] || apt-cache depends "postgresql-$major" "postgresql-client-$major" |
    sed -n 's/^  Depends: \(lib[^ ]*\)$/\1/p' | grep -v llvm | sort -u
}

# not_installed NAME… prints those that are not.
not_installed() {
  local name
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

# apt_install NAME… installs what is missing and leaves the rest at its version.
apt_install() {
  local missing; mapfile -t missing < <(not_installed "$@")
  [ ${#missing[@]} = 0 ] && return
  need_root_for "apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  say "installing with apt: ${missing[*]}"
  apt_update
  quietly "$LOG" as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends --no-upgrade \
    -o DPkg::Lock::Timeout=300 "${missing[@]}"
}

apt_update() {
  [ -n "${APT_UPDATED:-}" ] && return
  need_root_for "apt-get update"
  quietly "$LOG" as_root apt-get update -q -o DPkg::Lock::Timeout=300
  export APT_UPDATED=1
}

# apt_private ARGUMENT… is apt-get on lists of its own in $WORK: the machine's mirror with the suite named in
# $SUITE, sources only. The machine's own lists and suites stay untouched; signatures are checked as always.
apt_private() {
  apt-get -q -o Dir::Etc::SourceList="$WORK/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$WORK/lists" -o Dir::Cache="$WORK/cache" -o APT::Sandbox::User="$(id -un)" "$@"
}

# fetch_source PACKAGE SUITE unpacks Debian's signed source package into $WORK/PACKAGE and sets SOURCE_VERSION.
fetch_source() {
  local package=$1 suite=$2 mirror
  mirror=$(apt-get indextargets --format '$(LABEL)|$(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian|//p' | head -n1)
  [ -n "$mirror" ] || fail "no Debian mirror in this machine's apt sources, so $package cannot be built from its source package.
  Install it yourself (FIRETOWER_STACK_PREFIX=/folder), or use containers: docker compose --profile demo up"
  mkdir -p "$WORK/lists/partial" "$WORK/cache/archives/partial"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$WORK/sources.list"
  quietly "$LOG" apt_private update
  (cd "$WORK" && quietly "$LOG" apt_private source --download-only "$package")
  quietly "$LOG" dpkg-source -x "$WORK/$package"_*.dsc "$WORK/$package"
  SOURCE_VERSION=$(dpkg-parsechangelog -l "$WORK/$package/debian/changelog" -S Version | sed 's/[+-].*//')
}
