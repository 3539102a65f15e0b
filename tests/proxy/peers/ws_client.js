// Talks to an echo and prints what came of it: ws_client.js URL ADDRESS:PORT [ROOT]
"use strict";
const { readFileSync } = require("fs");
const { WebSocket } = require("ws");
const [url, at, root] = process.argv.slice(2);
const [host, port] = at.split(":");
const socket = new WebSocket(url, {
  perMessageDeflate: { threshold: 0 },
  lookup: (name, options, done) => (options.all ? done(null, [{ address: host, family: 4 }]) : done(null, host, 4)),
  port,
  ca: root && readFileSync(root),
});
const messages = ["hello", "y".repeat(1 << 20), Buffer.from([0, 1, 255])];
const told = [];
socket.on("pong", (data) => socket.close(4001, String(data)));
socket.on("message", (data, isBinary) => {
  told.push(isBinary ? data.toString("hex") : data.length > 100 ? data.length : String(data));
  if (messages.length) socket.send(messages.shift());
  else socket.ping("bye");
});
socket.on("error", (error) => { console.log(JSON.stringify({ error: String(error) })); process.exit(1); });
socket.on("close", (code, reason) => console.log(JSON.stringify({ told, code, reason: String(reason), extensions: socket.extensions })));
