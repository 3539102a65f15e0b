"""An ASGI application that says who comes to its WebSocket, and says again what it hears: hypercorn asgi_peer:app"""


async def app(scope, receive, send) -> None:
    if scope["type"] != "websocket":
        return
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    fields = dict(scope["headers"])
    who = f"{fields[b'x-forwarded-for'].decode()} {fields[b'x-forwarded-proto'].decode()}"
    await send({"type": "websocket.send", "text": f"hello {who} HTTP/{scope['http_version']}"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({**event, "type": "websocket.send"})
