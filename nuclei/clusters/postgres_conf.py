"""PostgreSQL nodes as configuration: a primary, a standby that streams from it, and how each is started.

A pristine primary makes a database cluster (initdb), a pristine standby copies it (pg_basebackup); both keep what they
have when they are killed and started again. PostgreSQL refuses to run as root: there it runs as nobody, or as the user
that its image has for it.
"""

from __future__ import annotations

from nuclei.platforms.base import NODE_DATA, NODE_HOME, NODE_LISTEN, NodeSpec, node_host

POSTGRES_PORT = 5430
TABLE = "lockquake_locks"
"""Where row locks are kept. Made by the launcher in a database that is new."""
_CONF = f"{NODE_HOME}/postgresql.conf"
_HBA = f"{NODE_HOME}/pg_hba.conf"
_LAUNCHER = f"{NODE_HOME}/postgres.sh"

FIND_PROGRAMS = 'for d in /usr/lib/postgresql/*/bin; do if [ -x "$d/psql" ]; then PATH="$d:$PATH"; fi; done'
"""Debian's are on nobody's PATH, but for a wrapper; where there are none, PATH has them."""

# setpriv changes the user without another process, and asks anew to be killed with the runner. The capability lets it
# look into directories that are closed to others: a run's own, and the cache where set-up unpacks servers.
_START = """\
set -eu
if ! command -v postgres >/dev/null; then {find}; fi
as=
if [ "$(id -u)" = 0 ]; then
    user=$(id -u postgres 2>/dev/null || echo 65534)
    see="--inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
    as="setpriv --reuid=$user --regid=$user --clear-groups --pdeathsig=KILL"
    if $as $see true 2>/dev/null; then as="$as $see"; fi
fi
if [ ! -s {data}/PG_VERSION ]; then chmod 700 {data}; fi
if [ -n "$as" ]; then chown "$user:$user" {data}; fi
rm -f {data}/postmaster.pid
if [ ! -s {data}/PG_VERSION ]; then
{first}
fi
exec $as postgres -D {data} -c config_file={conf} -c hba_file={hba}
"""
_INITDB = """\
    $as initdb -D {data} -U postgres -A trust -E UTF8 --locale=C --no-sync --no-instructions >/dev/null
    echo "{table}" | $as postgres --single -D {data} -c config_file={conf} -c hba_file={hba} postgres >/dev/null
"""
_COPY = """\
    tries=0
    until $as pg_basebackup -h {host} -p {port} -U postgres -D {data} -R -X stream -c fast --no-sync; do
        tries=$((tries + 1)); if [ $tries -gt 200 ]; then exit 1; fi
        sleep 0.1
    done
"""
_COLUMNS = "name text primary key, owner text, expires timestamptz not null, fence bigint not null"

# fsync=off: SIGKILL loses nothing that was written, only a power cut would. The rest keeps it small, quick to notice a
# broken stream, and free of shared memory that would outlive it.
_SETTINGS = """\
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = ''
fsync = off
full_page_writes = off
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
max_connections = 100
autovacuum = off
jit = off
wal_level = replica
max_wal_senders = 5
wal_keep_size = 64MB
hot_standby = on
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_receiver_status_interval = 1s
wal_retrieve_retry_interval = 200ms
tcp_keepalives_idle = {keepalive:.0f}
tcp_keepalives_interval = {keepalive:.0f}
tcp_keepalives_count = 3
timezone = 'UTC'
"""
# To become another user, to give it its data, and to look after both.
_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "KILL", "SETGID", "SETUID")
_WHO = "local all all trust\nhost all all all trust\nhost replication all all trust\n"


def postgres_node(name: str, port: int, *, copies: tuple[str, int] | None, keepalive: float, overlay: str) -> NodeSpec:
    """A server. ``copies``: name and port of the primary it streams from; None for a primary.
    ``keepalive``: seconds of silence after which TCP asks whether the other side is there. ``overlay``: the user's own
    lines of postgresql.conf."""
    places = {"data": NODE_DATA, "conf": _CONF, "hba": _HBA}
    if copies is None:
        first = _INITDB.format(table=f"create table {TABLE} ({_COLUMNS})", **places)
    else:
        first = _COPY.format(host=node_host(copies[0]), port=copies[1], **places)
    settings = _SETTINGS.format(listen=NODE_LISTEN, port=port, keepalive=keepalive)
    return NodeSpec(
        name=name,
        role="postgres",
        image="postgres",
        port=port,
        command=["/bin/sh", _LAUNCHER],
        capabilities=_CAPABILITIES,
        files={
            _CONF: settings + (f"{overlay}\n" if overlay else ""),
            _HBA: _WHO,
            _LAUNCHER: _START.format(find=FIND_PROGRAMS, first=first, **places),
        },
    )
