# shellcheck shell=bash
# Source this: it starts a throw-away PostgreSQL on loopback, exports KZCAL_TEST_POSTGRESQL (the
# URL of its scratch database) and stops the server at exit. A server that is named already stays
# in charge. Where PostgreSQL is missing, root installs Debian's; anyone else gets a sentence on
# stderr and no variable, and the tests that need a server skip.

postgresql_say() { echo "postgresql: $*" >&2; }

postgresql_binaries() {
    local directory
    for directory in $(compgen -G '/usr/lib/postgresql/*/bin' | sort -rV) $(dirname "$(command -v initdb || echo /none/initdb)"); do
        [ -x "$directory/initdb" ] && [ -x "$directory/pg_ctl" ] && echo "$directory" && return 0
    done
    return 1
}

postgresql_install() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    postgresql_say "installing Debian's package"
    {
        apt-get update -q
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql-common
        # Debian would start a cluster of its own; the tests bring theirs.
        mkdir -p /etc/postgresql-common
        echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
        DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql
    } >&2
}

# The server refuses to run as root: then it runs as the package's own user.
postgresql_as_owner() {
    if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

postgresql_stop() {
    [ -n "${KZCAL_POSTGRESQL_HOME:-}" ] || return 0
    postgresql_as_owner "$KZCAL_POSTGRESQL_BIN/pg_ctl" -D "$KZCAL_POSTGRESQL_HOME/data" -m immediate -w stop >/dev/null 2>&1
    rm -rf "$KZCAL_POSTGRESQL_HOME"
    unset KZCAL_POSTGRESQL_HOME
}

postgresql_free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

postgresql_start() {
    KZCAL_POSTGRESQL_BIN=$(postgresql_binaries || { postgresql_install && postgresql_binaries; }) || {
        postgresql_say "not installed, and only root can install it: tests that need it skip"
        return 0
    }
    local password port attempt
    KZCAL_POSTGRESQL_HOME=$(mktemp -d)
    trap postgresql_stop EXIT
    password=$(python3 -c 'import secrets; print(secrets.token_hex(16))')
    printf '%s\n' "$password" >"$KZCAL_POSTGRESQL_HOME/password"
    [ "$(id -u)" -ne 0 ] || chown -R postgres "$KZCAL_POSTGRESQL_HOME"
    postgresql_as_owner "$KZCAL_POSTGRESQL_BIN/initdb" -D "$KZCAL_POSTGRESQL_HOME/data" -U kzcal -E UTF8 \
        --locale=C.UTF-8 --auth=scram-sha-256 --pwfile="$KZCAL_POSTGRESQL_HOME/password" >/dev/null || return 1
    for attempt in 1 2 3; do
        port=$(postgresql_free_port)
        if postgresql_as_owner "$KZCAL_POSTGRESQL_BIN/pg_ctl" -D "$KZCAL_POSTGRESQL_HOME/data" -l "$KZCAL_POSTGRESQL_HOME/log" -w \
            -o "-h 127.0.0.1 -p $port -k $KZCAL_POSTGRESQL_HOME -c fsync=off" start >/dev/null; then
            export KZCAL_TEST_POSTGRESQL="postgresql://kzcal:$password@127.0.0.1:$port/postgres"
            postgresql_say "server on 127.0.0.1:$port"
            return 0
        fi
        postgresql_say "attempt $attempt on port $port failed: $(tail -n 1 "$KZCAL_POSTGRESQL_HOME/log")"
    done
    return 1
}

[ -n "${KZCAL_TEST_POSTGRESQL:-}" ] || postgresql_start
