// Echoes what it hears, with compression agreed (RFC 7692), as Node's applications do it: ws_server.js PORT
"use strict";
const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: true });
server.on("listening", () => console.log("listening"));
server.on("connection", (socket, request) => {
  socket.send("hello " + request.headers["x-forwarded-for"] + " " + request.headers["x-forwarded-proto"]);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("close", (code, reason) => console.log("closed " + code + " " + reason));
});
