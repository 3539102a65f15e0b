"""A gRPC service and its client, of Debian's grpcio, without generated code: messages are octets.

    grpc_peer.py serve PORT [CERTIFICATE KEY]     gRPC's own server
    grpc_peer.py call TARGET AUTHORITY [ROOT]     makes every kind of call, prints what came of each as JSON
"""

import json
import os
import socket
import sys
import threading
import time
from concurrent import futures

import grpc

BIG = 3 << 20  # below the 4 MiB that gRPC takes at once, beyond every window


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return {
            "/grpc.health.v1.Health/Check": grpc.unary_unary_rpc_method_handler(self.health),
            "/echo.Echo/Say": grpc.unary_unary_rpc_method_handler(self.say),
            "/echo.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/echo.Echo/Count": grpc.unary_stream_rpc_method_handler(self.count),
            "/echo.Echo/Join": grpc.stream_unary_rpc_method_handler(self.join),
            "/echo.Echo/Chat": grpc.stream_stream_rpc_method_handler(self.chat),
            "/echo.Echo/Hang": grpc.unary_unary_rpc_method_handler(self.hang),
            "/echo.Echo/Hasty": grpc.stream_unary_rpc_method_handler(self.hasty),
        }.get(details.method)

    cancelled = threading.Event()

    def health(self, message, context):
        """As the file that HEALTH names says: the number of a ServingStatus, for echo.Echo alone."""
        if message != b"\x0a\x09echo.Echo":
            context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        with open(os.environ["HEALTH"]) as file:
            return b"\x08" + bytes([int(file.read())])

    def say(self, message, context):
        context.send_initial_metadata([("x-first", "early")])
        context.set_trailing_metadata([("x-last", "late"), ("x-octets-bin", b"\0\xff\n")])
        return message + b"|" + dict(context.invocation_metadata()).get("x-asked", "").encode()

    def fail(self, message, context):
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now: 50% – später")

    def count(self, message, context):
        for i in range(int(message)):
            yield str(i).encode()

    def join(self, messages, context):
        return b",".join(messages)

    def chat(self, messages, context):
        for message in messages:
            yield message.upper()

    def hang(self, message, context):
        if message == b"was it cancelled?":
            return b"yes" if self.cancelled.wait(20) else b"no"
        context.add_callback(self.cancelled.set)
        self.cancelled.wait(60)
        return b""

    def hasty(self, messages, context):
        next(messages)
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def serve(port: str, *tls: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[Echo()])
    if tls:
        certificate, key = (open(path, "rb").read() for path in tls)
        server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials([(key, certificate)]))
    else:
        server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    server.wait_for_termination()


def outcome(call) -> list:
    try:
        return ["OK", call()]
    except grpc.RpcError as error:
        return [error.code().name, error.details()]


def calls(channel) -> dict:
    say = channel.unary_unary("/echo.Echo/Say")
    told = {}
    answer, call = say.with_call(b"hello", metadata=[("x-asked", "asked")], timeout=30)
    told["unary"] = answer.decode()
    told["first"] = dict(call.initial_metadata()).get("x-first")
    trailing = dict(call.trailing_metadata())
    told["last"] = [trailing.get("x-last"), trailing.get("x-octets-bin", b"").hex()]
    told["big"] = len(say(bytes(BIG), timeout=60))
    told["error"] = outcome(lambda: channel.unary_unary("/echo.Echo/Fail")(b"", timeout=30))
    told["unknown"] = outcome(lambda: channel.unary_unary("/echo.Echo/Nothing")(b"", timeout=30))[0]
    told["stream down"] = [one.decode() for one in channel.unary_stream("/echo.Echo/Count")(b"500", timeout=30)][-1]
    told["stream up"] = channel.stream_unary("/echo.Echo/Join")((str(i).encode() for i in range(5)), timeout=30).decode()
    told["stream both ways"] = chat(channel)
    told["deadline"] = outcome(lambda: channel.unary_unary("/echo.Echo/Hang")(b"", timeout=1))[0]
    told["cancelled"] = channel.unary_unary("/echo.Echo/Hang")(b"was it cancelled?", timeout=30).decode()
    told["early error"] = outcome(lambda: hasty(channel))
    return told


def chat(channel) -> list[str]:
    """Each message is sent only when the answer to the one before is there."""
    go_on = threading.Semaphore(1)
    heard = []

    def words():
        for word in (b"one", b"two", b"three"):
            go_on.acquire()
            yield word

    for answer in channel.stream_stream("/echo.Echo/Chat")(words(), timeout=30):
        heard.append(answer.decode())
        go_on.release()
    return heard


def hasty(channel):
    """The server has had enough while the client still sends."""
    over = threading.Event()

    def words():
        while not over.is_set():
            yield bytes(10_000)
            time.sleep(0.001)

    call = channel.stream_unary("/echo.Echo/Hasty").future(words(), timeout=30)
    try:
        return call.result()
    finally:
        over.set()


def call(target: str, authority: str, *root: str) -> None:
    options = [("grpc.enable_http_proxy", 0)]
    if root:
        options.append(("grpc.ssl_target_name_override", authority))
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(open(root[0], "rb").read()), options)
    else:
        channel = grpc.insecure_channel(target, [*options, ("grpc.default_authority", authority)])
    print(json.dumps(calls(channel)))


if __name__ == "__main__":
    {"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
