#!/usr/bin/python3
"""Opens TLS connections, asks once on each, prints "ready" and keeps them until its input ends.

    idle_tls.py ADDRESS HOST COUNT
"""

import resource
import socket
import ssl
import sys

address, host, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
held = []
for _ in range(count):
    held.append(context.wrap_socket(socket.create_connection((address, 443)), server_hostname=host))
    held[-1].sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    if not held[-1].recv(16384).startswith(b"HTTP/1.1 200"):
        raise SystemExit("not answered with 200")
print("ready", flush=True)
sys.stdin.read()
