"""`./dev lab`: the home network of home.py for a person.

The lab runs in the foreground of one terminal; the other calls reach it from another terminal
through an abstract Unix socket, which vanishes with it like everything else.
"""

import argparse
import hashlib
import json
import os
import socket
import struct
import sys
from pathlib import Path

from tests.lab.isolation import isolate

SOURCE_DIR = Path(__file__).absolute().parent.parent.parent
_ADDRESS = "\0hearth-lab-" + hashlib.sha256(str(SOURCE_DIR).encode()).hexdigest()[:16]

_CALLS = """\
calls, from another terminal while the lab runs:
  exec HOST COMMAND…      run a command on client, router, internet, pi4-1, pi4-2 or pi5
                          (`exec pi5 hearth status` asks that node's daemons)
  status                  who is up, who owns which virtual IP
  kill NODE [DAEMON]      kill -9 everything on a node, or one of dns, proxy, lb
  stop NODE               shut a node down properly
  start NODE [DAEMON]     start it again
  cut internet|NODE       pull the cable
  heal internet|NODE      plug it in again
  logs NODE [DAEMON]      what a daemon has printed
  stop                    end the lab
"""


def _peer(connection: socket.socket) -> tuple[int, int]:
    """PID (as seen from here) and user of the other end."""
    pid, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def _call(words: list[str]) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(_ADDRESS)
        except OSError:
            print("no lab runs here: start one with ./dev lab in another terminal", file=sys.stderr)
            return 4
        connection.sendall(json.dumps(words).encode() + b"\n")
        answer = json.loads(connection.makefile().readline())
        lab_pid, _ = _peer(connection)
    if "exec" in answer:
        enter = ["nsenter", f"--target={lab_pid}", "--mount", "--pid", "--root", "--wd", "--"]
        os.execvp("nsenter", [*enter, *answer["exec"]])
    print(answer["text"], file=sys.stderr if answer["failed"] else sys.stdout)
    return 2 if answer["failed"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="./dev lab", usage="./dev lab [--build-dir DIR] [CALL …]", epilog=_CALLS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Starts a home network in namespaces; with a call, talks to the one that runs.",
    )  # fmt: skip
    parser.add_argument("--build-dir", type=Path, default=SOURCE_DIR / "build/release")
    parser.add_argument("call", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.call == ["help"]:
        parser.print_help()
        return 0
    if os.geteuid() != 0:
        print("the lab needs root: network namespaces", file=sys.stderr)
        return 2
    if options.call:
        return _call(options.call)

    isolate()
    from tests.lab.live import Lab  # after isolate(): no threads before

    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(_ADDRESS)
    except OSError:
        print("a lab runs already: ./dev lab stop ends it", file=sys.stderr)
        return 2
    listener.listen()
    return Lab(SOURCE_DIR, options.build_dir / "bin", listener).run()


if __name__ == "__main__":
    sys.exit(main())
