#!/usr/bin/python3
"""Starts Hearth on this machine and stays until Ctrl-C: `./dev run [DOCUMENT]`.

Needs no privilege and no other service: the daemons listen where the document says (loopback,
high ports), their sockets and state live in a folder of their own under build/run.
"""

import argparse
import contextlib
import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUICKSTART = ROOT / "config/quickstart.yaml"
DAEMONS = ("hearth-dns", "hearth-lb", "hearth-proxy")
READY_SECONDS = 20
STOP_SECONDS = 10

PAGE = b"<!doctype html><title>hello</title><h1>Hello from hello.home</h1><p>This page came through hearth-proxy.</p>\n"


class Hello(http.server.BaseHTTPRequestHandler):
    """The service behind the quickstart's proxy: one page."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def start_daemon(binary, document, run_dir, state_dir):
    """Starts one daemon; returns it with the socket on which it will say READY=1 (sd_notify)."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = run_dir / f"{binary.name}.notify"
    path.unlink(missing_ok=True)
    notify.bind(str(path))
    log = open(run_dir / f"{binary.name}.log", "wb")
    process = subprocess.Popen(
        [binary, "--config", document, "--run-dir", run_dir, "--state-dir", state_dir],
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        env={**os.environ, "NOTIFY_SOCKET": str(path)}, start_new_session=True)
    return process, notify, pathlib.Path(log.name)


def wait_ready(process, notify, log):
    deadline = time.monotonic() + READY_SECONDS
    notify.settimeout(0.2)
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(TimeoutError):
            if b"READY=1" in notify.recv(4096):
                return
    sys.stderr.write(log.read_text(errors="replace")[-4000:])
    name = pathlib.Path(process.args[0]).name
    raise SystemExit(f"{name} did not start (its log is {log}); is another program on its port? `ss -lntup` shows them")


def stop(processes):
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def advise(quickstart):
    print("\nHearth is running. Ctrl-C stops it.\n")
    if quickstart:
        print("  try                                                  it answers")
        print("  dig @127.0.0.1 -p 5300 +short ads.example            0.0.0.0 (blocked by a list)")
        print("  dig @127.0.0.1 -p 5300 +short hello.home             127.0.0.1 (a name of your own)")
        print("  curl -s -H 'Host: hello.home' http://127.0.0.1:8080  the page of the service behind the proxy")
    print("\n  status: build/release/bin/hearth --run-dir build/run status", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev run")
    parser.add_argument("document", nargs="?", type=pathlib.Path, default=QUICKSTART)
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/run")
    arguments = parser.parse_args()
    document = arguments.document.resolve()

    check = subprocess.run([arguments.bin / "hearth", "check", document], check=False)
    if check.returncode != 0:
        return check.returncode

    run_dir, state_dir = arguments.dir, arguments.dir / "state"
    shutil.rmtree(run_dir, ignore_errors=True)
    state_dir.mkdir(parents=True)
    # Only to interrupt the wait below: a handler that does nothing else.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))

    processes = []
    try:
        if document == QUICKSTART:
            with contextlib.suppress(OSError):
                server = http.server.ThreadingHTTPServer(("127.0.0.1", 8081), Hello)
                threading.Thread(target=server.serve_forever, daemon=True).start()
        with open(run_dir / "hearth-lists.log", "wb") as log:  # a list that fails shows in `hearth status`
            subprocess.run([arguments.bin / "hearth-lists", "--config", document, "--run-dir", run_dir,
                            "--state-dir", state_dir], stdout=log, stderr=log, check=False)
        started = [start_daemon(arguments.bin / name, document, run_dir, state_dir) for name in DAEMONS]
        processes = [process for process, _, _ in started]
        for daemon in started:
            wait_ready(*daemon)
        advise(document == QUICKSTART)
        while True:
            pid, status = os.waitpid(-1, 0)
            dead = next((p for p in processes if p.pid == pid), None)
            if dead is not None:
                name = pathlib.Path(dead.args[0]).name
                print(f"{name} ended with status {os.waitstatus_to_exitcode(status)}: see {run_dir}/{name}.log", file=sys.stderr)
                dead.returncode = os.waitstatus_to_exitcode(status)
                return 1
    finally:
        stop(processes)
        print("\nstopped", flush=True)


if __name__ == "__main__":
    sys.exit(main())
