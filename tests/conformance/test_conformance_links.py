"""Effects on links, seen from both ends of real connections: what a cut hides and what its heal brings."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from toxiproxy_own import OwnServer
from toxiproxy_wire import LIMIT, Api, Upstream, ending, receive, silent, took

from nuclei.network.control import ProxyControl, ProxyControlError, ProxyHangs
from nuclei.network.links import Link, Links

CUT_LIMIT_S = 0.15


class Net:
    """Two links to one target: the connections of either are held by the test at both ends."""

    def __init__(self, control: ProxyControl, name: str, stack: ExitStack) -> None:
        self.target = Upstream()
        self._stack = stack
        stack.callback(self.target.close)
        self.one, self.two = f"{name}-1>n", f"{name}-2>n"
        made = [Link(f"{name}-{n}", "n", "127.0.0.1:0", self.target.address) for n in (1, 2)]
        self.links = Links(control, made)
        stack.callback(self.links.close)
        for link in made:
            stack.callback(control.delete, link.name)
        self.ports = {key: int(state.listen.rsplit(":", 1)[1]) for key, state in self.links.establish().items()}

    def connect(self, name: str) -> tuple[socket.socket, socket.socket]:
        """A connection over a link, client's and target's end."""
        client = socket.create_connection(("127.0.0.1", self.ports[name]), LIMIT)
        self._stack.callback(client.close)
        server = self.target.accept()
        self._stack.callback(server.close)
        return client, server


@pytest.fixture
def control(api: Api) -> Iterator[ProxyControl]:
    control = ProxyControl(api.host, api.port)
    yield control
    control.close()


@pytest.fixture
def net(control: ProxyControl, name: str) -> Iterator[Net]:
    with ExitStack() as stack:
        yield Net(control, name[:40], stack)


def flows(writer: socket.socket, reader: socket.socket, data: bytes = b"flows") -> bool:
    writer.sendall(data)
    return not silent(reader) and receive(reader, len(data)) == data


def test_a_black_hole_hides_everything_and_its_heal_closes(net: Net) -> None:
    client, server = net.connect(net.one)
    assert flows(client, server)
    assert flows(server, client)
    net.links.cut([net.one])
    assert not flows(client, server)
    assert not flows(server, client)
    late_client, late_server = net.connect(net.one)  # a proxy accepts inside a partition
    assert not flows(late_client, late_server)
    with took(0, 2):
        net.links.restore([net.one])
        for sock in (client, server, late_client, late_server):
            assert ending(sock) in ("fin", "rst")
    assert flows(*net.connect(net.one))


@pytest.mark.parametrize("closer", ["client", "target"])
def test_no_fin_crosses_a_black_hole(net: Net, closer: str) -> None:
    client, server = net.connect(net.one)
    assert flows(client, server)
    net.links.cut([net.one])
    gone, other = (client, server) if closer == "client" else (server, client)
    gone.close()
    assert silent(other, 0.4)
    net.links.restore([net.one])
    with took(0, 1):
        assert ending(other) in ("fin", "rst")


def test_other_links_are_not_touched(net: Net) -> None:
    client, server = net.connect(net.two)
    net.links.cut([net.one])
    assert flows(client, server)
    assert flows(server, client)
    net.links.restore([net.one])
    assert flows(client, server)


def test_a_stall_delivers_late_commands_after_the_heal(net: Net) -> None:
    client, server = net.connect(net.one)
    net.links.cut([net.one], "stall")
    assert not flows(client, server, b"DEL lock")
    assert not flows(server, client, b"+OK")
    net.links.restore([net.one])
    assert receive(server, 8) == b"DEL lock"
    assert receive(client, 3) == b"+OK"
    assert flows(client, server)


def test_a_stall_delivers_the_command_of_a_client_that_left(net: Net) -> None:
    client, server = net.connect(net.one)
    net.links.cut([net.one], "stall")
    client.sendall(b"DEL lock")
    client.close()
    assert silent(server, 0.3)
    net.links.restore([net.one])
    assert receive(server, 100) == b"DEL lock"


def test_a_stall_hides_the_fin_of_an_idle_client(net: Net) -> None:
    client, server = net.connect(net.one)
    assert flows(client, server)
    net.links.cut([net.one], "stall")
    client.close()
    assert silent(server, 0.3)
    net.links.restore([net.one])
    assert ending(server) == "fin"


def test_close_tells_both_ends_at_once(net: Net) -> None:
    client, server = net.connect(net.one)
    with took(0, 1):
        net.links.cut([net.one], "close")
        assert ending(client) == ending(server) == "fin"
    with pytest.raises(ConnectionRefusedError):
        net.connect(net.one)
    net.links.restore([net.one])
    assert flows(*net.connect(net.one))


@pytest.mark.parametrize("how", ["black-hole", "stall"])
@pytest.mark.parametrize("streams", ["requests", "replies"])
def test_one_stream_only(net: Net, how: str, streams: str) -> None:
    client, server = net.connect(net.one)
    net.links.cut([net.one], how, streams)  # type: ignore[arg-type]
    assert flows(client, server) is (streams == "replies")
    assert flows(server, client) is (streams == "requests")
    net.links.restore([net.one])
    assert flows(*net.connect(net.one))


class Traffic:
    """Clients that come, send and go, and a target that takes them all, until the block is left."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self._listener, self._port = listener, port
        self._over = threading.Event()
        jobs = [self._serve, self._call, self._call, self._call]
        self._threads = [threading.Thread(target=job) for job in jobs]

    def __enter__(self) -> None:
        self._listener.settimeout(0.05)
        for thread in self._threads:
            thread.start()

    def __exit__(self, *failure: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(LIMIT)
        self._listener.settimeout(LIMIT)

    def _serve(self) -> None:
        with ExitStack() as held:
            quiet = False
            while not (quiet and self._over.is_set()):  # the last ones must not wait for the test's own accept
                try:
                    held.enter_context(self._listener.accept()[0])
                    quiet = False
                except TimeoutError:
                    quiet = True

    def _call(self) -> None:
        while not self._over.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 1) as sock:
                    for _ in range(20):
                        sock.sendall(b"x" * 5000)
                        time.sleep(0.001)
            except OSError:
                time.sleep(0.005)


def test_cutting_and_healing_under_traffic_never_hangs(net: Net) -> None:
    with Traffic(net.target.socket, net.ports[net.one]):
        for number in range(30):
            how = ("black-hole", "stall", "close")[number % 3]
            net.links.cut(net.links.names(), how)  # type: ignore[arg-type]
            time.sleep(0.01)
            with took(0, 2):
                net.links.restore(net.links.names())
    assert flows(*net.connect(net.one))


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = time.monotonic()
    call()
    return time.monotonic() - start


@pytest.mark.parametrize("how", ["black-hole", "stall", "close"])
def test_twenty_links_are_cut_in_time(control: ProxyControl, name: str, how: str) -> None:
    links = Links(control, [Link(f"{name}-{n}", "t", "127.0.0.1:0", "127.0.0.1:1") for n in range(20)])
    links.establish()
    call = min(timed(control.version) for _ in range(20))
    spent = []
    try:
        for _ in range(5):
            spent.append(timed(lambda: links.cut(links.names(), how)))  # type: ignore[arg-type]
            assert links.restore(links.names()) == []
    finally:
        links.close()
        for link in links.links:
            control.delete(link)
    # The best of five, and on a machine that is busy with something else no slower than its eighty calls one by one.
    assert min(spent) < max(CUT_LIMIT_S, 100 * call), (spent, call)


@pytest.mark.usefixtures("ours")
def test_a_frozen_server_is_reported_in_time_and_healed_when_it_thaws(name: str) -> None:
    with OwnServer() as (process, url), ExitStack() as stack:
        control = ProxyControl("127.0.0.1", int(url.rsplit(":", 1)[1]), timeout=0.3)
        stack.callback(control.close)
        net = Net(control, name, stack)
        net.links.cut(net.links.names())
        os.kill(process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(ProxyHangs, match="stopped answering"):
                control.version()
            with took(0, 3):
                (error,) = net.links.restore_all()
            assert isinstance(error, ProxyControlError)
            assert "stopped answering" in str(error)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        assert net.links.restore_all() == []
        assert flows(*net.connect(net.one))
