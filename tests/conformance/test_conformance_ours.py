"""Where our server promises more than the original: nothing hangs, a dead upstream blocks nobody, it ends cleanly."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from toxiproxy_own import OwnServer
from toxiproxy_wire import LIMIT, Api, Rig, ending, ends, fill_backlog, receive, silent, took, until

pytestmark = pytest.mark.usefixtures("ours")

KINDS = ["latency", "bandwidth", "timeout", "reset_peer", "limit_data", "slicer", "slow_close"]
SETTINGS = {
    "latency": {"latency": 60_000},
    "bandwidth": {"rate": 0},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 60_000},
    "limit_data": {"bytes": 1_000},
    "slicer": {"average_size": 1, "delay": 60_000_000},
    "slow_close": {"delay": 60_000},
}


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
@pytest.mark.parametrize("kind", KINDS)
def test_removal_is_immediate_whatever_the_connections_are_in(rig: Rig, kind: str, stream: str) -> None:
    """Idle, with data held, full to the brim, with one side closed, reset, or dead: a removal never waits."""
    toxic = rig.post(kind, stream, "", SETTINGS[kind])
    pairs = [ends(rig, stream, proven=False) for _ in range(6)]
    pairs[1][0].sendall(b"held" * 100)
    pairs[2][0].setblocking(False)
    try:
        for _ in range(300):
            pairs[2][0].send(bytes(65536))
    except (BlockingIOError, ConnectionError):
        pass
    pairs[3][0].close()
    pairs[4][1].close()
    for sock in pairs[5]:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    time.sleep(0.05)
    with took(0, 0.5):
        rig.remove(toxic)
    rig.proven()


@pytest.mark.parametrize("first_off", ["slow_close", "timeout"])
def test_a_masked_fin_passes_at_the_heal_in_either_order(rig: Rig, first_off: str) -> None:
    writer, reader = ends(rig, "downstream")
    toxics = {"timeout": rig.add("timeout", "downstream"), "slow_close": rig.add("slow_close", delay=60_000)}
    writer.close()
    assert silent(reader, 0.1)
    for toxic in sorted(toxics, key=lambda kind: kind != first_off):
        rig.remove(toxics[toxic])
    with took(0, 1):
        assert ending(reader) == "fin"


def test_a_black_holed_upstream_blocks_no_other_accept(api: Api, rig: Rig, name: str) -> None:
    """In the original one connect() that gets no answer stops all accepts of that proxy."""
    with ExitStack() as stack:
        address = fill_backlog(stack)
        made = api.ok("POST", "/proxies", {"name": f"{name}.2", "listen": "127.0.0.1:0", "upstream": address})
        stack.callback(api.call, "DELETE", f"/proxies/{name}.2")
        host, port = made["listen"].split(":")
        stuck = [stack.enter_context(socket.create_connection((host, int(port)), LIMIT)) for _ in range(3)]
        for client in stuck:
            client.sendall(b"nobody home")
        with took(0, 1):
            api.ok("POST", f"/proxies/{name}.2", {"upstream": rig.upstream.address})
        for client in stuck:
            assert ending(client) in ("fin", "rst")
        with socket.create_connection((host, int(port)), LIMIT) as client, rig.upstream.accept() as server:
            client.sendall(b"x")
            assert receive(server, 1) == b"x"


def test_a_patient_proxy_dials_again_what_refuses_it_at_first(name: str) -> None:
    """An addition to the original, for ports that open a moment after their first client comes."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    with OwnServer("--patient", f"{port}=2") as (_, url), ExitStack() as stack:
        api = Api(url)
        stack.callback(api.close)
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{port}"}
        host, listen = api.ok("POST", "/proxies", body)["listen"].split(":")
        client = stack.enter_context(socket.create_connection((host, int(listen)), LIMIT))
        client.sendall(b"early")
        assert silent(client, 0.2)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", port)))
        listener.settimeout(LIMIT)
        server = stack.enter_context(listener.accept()[0])
        assert receive(server, 5) == b"early"
        # While it waits, disabling the proxy closes the client at once; so does the end of its patience.
        server.close()
        listener.close()
        waiting = stack.enter_context(socket.create_connection((host, int(listen)), LIMIT))
        assert silent(waiting, 0.1)
        with took(0, 1):
            api.ok("POST", f"/proxies/{name}", {"enabled": False})
            assert ending(waiting) == "fin"


def test_removal_under_load_loses_no_byte(rig: Rig) -> None:
    """Toxics that keep every byte come and go thirty times while a stream runs; it arrives whole."""
    writer, reader = ends(rig, "downstream")
    data = os.urandom(4_000_000)
    received: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: writer.sendall(data)),
        threading.Thread(target=lambda: received.append(receive(reader, len(data)))),
    ]
    for thread in threads:
        thread.start()
    for number in range(30):
        kind = ("latency", "bandwidth", "slicer")[number % 3]
        attributes = {"latency": {"latency": 5}, "bandwidth": {"rate": 3000}, "slicer": {"average_size": 5000}}[kind]
        toxic = rig.post(kind, "downstream", f"t{number}", attributes)
        time.sleep(0.005)
        rig.remove(toxic)
    for thread in threads:
        thread.join(20)
    assert received[0] == data


def test_toxicity_is_drawn_anew_when_the_chain_around_it_changes(rig: Rig) -> None:
    writer, reader = ends(rig, "downstream")
    rig.add("bandwidth", name="coin", toxicity=0.5, rate=0)
    seen = set()
    for number in range(40):
        neighbour = rig.add("latency", name=f"n{number}")
        writer.sendall(b"x")
        spared = not silent(reader, 0.02)
        seen.add(spared)
        rig.remove(neighbour)
        rig.remove("coin")
        rig.add("bandwidth", name="coin", toxicity=0.5, rate=0)
        assert receive(reader, 1) == b"x"
    assert seen == {True, False}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_connections_open(number: signal.Signals, name: str) -> None:
    with OwnServer() as (process, url):
        api, stack = Api(url), ExitStack()
        rig = Rig(api, name, stack)
        client, server = rig.proven()
        rig.add("bandwidth", rate=0)
        process.send_signal(number)
        assert process.wait(LIMIT) == 0
        assert ending(client) == ending(server) == "fin"
        for thing in (client, server, rig.upstream, api):  # not the stack: there is nobody to delete the proxy
            thing.close()
        stack.pop_all()


def test_an_unread_log_stops_nothing(name: str) -> None:
    """Ten thousand log lines into a pipe that nobody reads."""
    with OwnServer() as (_, url), ExitStack() as stack:
        api = Api(url)
        stack.callback(api.close)
        rig = Rig(api, name, stack)
        for _ in range(1000):
            rig.remove(rig.add("latency"))
        rig.proven()


def test_a_port_in_use_is_one_sentence_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "nuclei.network.toxiproxy", "--host", "127.0.0.1", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"toxiproxy: cannot serve the API: listen tcp 127.0.0.1:{port}: bind: address already in use\n"
    )


def test_it_runs_from_a_bare_copy_of_its_directory(tmp_path: Path, name: str) -> None:
    """Nothing but the standard library: -I -S has neither this checkout nor any installed package on the path."""
    import nuclei.network.toxiproxy as package

    source = Path(package.__file__).parent
    shutil.copytree(source, tmp_path / "toxiproxy", ignore=shutil.ignore_patterns("__pycache__"))
    run = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from toxiproxy.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-I", "-S", "-B", "-c", run, "--host", "127.0.0.1", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert "api started listen=127.0.0.1:" in line
        process.terminate()
        assert process.wait(LIMIT) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_connections_leave_no_descriptor_behind(name: str) -> None:
    with OwnServer() as (process, url), ExitStack() as stack:
        api = Api(url)
        stack.callback(api.close)
        rig = Rig(api, name, stack)
        rig.proven()
        rig.add("slow_close", delay=1)
        open_files = Path(f"/proc/{process.pid}/fd")
        before = len(list(open_files.iterdir()))
        for _ in range(50):
            client, server = rig.proven()
            client.close()
            server.close()
        until(lambda: len(list(open_files.iterdir())) <= before, "descriptors closed")
