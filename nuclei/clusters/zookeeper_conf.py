"""ZooKeeper nodes as configuration: zoo.cfg, a launcher that finds the jars of either image, logging to stdout."""

from __future__ import annotations

from collections.abc import Sequence

from nuclei.platforms.base import NODE_DATA, NODE_HOME, NODE_LISTEN, NodeSpec, node_host

CLIENT_PORT, QUORUM_PORT, ELECTION_PORT = 2180, 2880, 3880
_CONF = f"{NODE_HOME}/zoo.cfg"
_LAUNCHER = f"{NODE_HOME}/zookeeper.sh"
_LOGGING = f"{NODE_HOME}/logging/logback.xml"

# A platform may name a release (a directory with lib/*.jar). Debian: the manifest of zookeeper.jar names the rest, but
# no logging. Official image: a release at the root.
_START = """\
set -e
echo {number} > {data}/myid
classpath={home}/logging
if [ -n "${{LOCKQUAKE_ZOOKEEPER:-}}" ]; then
    set -- "$LOCKQUAKE_ZOOKEEPER"/lib/*.jar
else
    set -- /usr/share/java/slf4j-simple.jar /usr/share/java/zookeeper.jar /apache-zookeeper-*/lib/*.jar
fi
for jar in "$@"; do
    if [ -e "$jar" ]; then classpath="$classpath:$jar"; fi
done
exec java {flags} -cp "$classpath" org.apache.zookeeper.server.quorum.QuorumPeerMain {conf}
"""

# Small and quick to start; elections are retried and repeated within a second instead of a minute, because a test
# waits for them; forceSync=no: SIGKILL loses nothing that was written, only a power cut would.
_FLAGS = (
    "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -XX:-UsePerfData "
    "-Dzookeeper.forceSync=no -Dzookeeper.preAllocSize=1024 -Djava.net.preferIPv4Stack=true "
    "-Dzookeeper.fastleader.maxNotificationInterval=1000 -Dzookeeper.leaderConnectDelayDuringRetryMs=100 "
    "-Dzookeeper.jmx.log4j.disable=true -Dzookeeper.electionPortBindRetry=10 "
    "-Dorg.slf4j.simpleLogger.showDateTime=true -Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd_HH:mm:ss.SSS "
    "-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper.server.NIOServerCnxn=warn"
)

# NIOServerCnxn would log every question of the observer.
_LOGBACK = """\
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %-5p [%t:%c{1}] %m%n</pattern></encoder>
  </appender>
  <logger name="org.apache.zookeeper.server.NIOServerCnxn" level="WARN"/>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
"""


def zookeeper_node(
    number: int, members: Sequence[int], *, tick: float, init_limit: int, sync_limit: int, overlay: str
) -> NodeSpec:
    """``zk-NUMBER`` of an ensemble. ``tick`` in seconds; limits in ticks. ``overlay``: the user's own zoo.cfg lines."""
    lines = [
        f"tickTime={tick * 1000:.0f}",
        f"initLimit={init_limit}",
        f"syncLimit={sync_limit}",
        f"dataDir={NODE_DATA}",
        f"clientPort={CLIENT_PORT + number}",
        f"clientPortAddress={NODE_LISTEN}",
        "maxClientCnxns=0",
        "4lw.commands.whitelist=*",
        "admin.enableServer=false",
        "reconfigEnabled=false",
        "standaloneEnabled=false",
        *(f"server.{i}={node_host(f'zk-{i}')}:{QUORUM_PORT + i}:{ELECTION_PORT + i}" for i in members),
        *overlay.splitlines(),
    ]
    start = _START.format(number=number, data=NODE_DATA, home=NODE_HOME, flags=_FLAGS, conf=_CONF)
    return NodeSpec(
        name=f"zk-{number}",
        role="zookeeper",
        image="zookeeper",
        port=CLIENT_PORT + number,
        ports=(QUORUM_PORT + number, ELECTION_PORT + number),
        late_ports=(QUORUM_PORT + number,),  # only a leader listens there, from some moments after its election on
        command=["/bin/sh", _LAUNCHER],
        files={_CONF: "\n".join(lines) + "\n", _LAUNCHER: start, _LOGGING: _LOGBACK},
    )
