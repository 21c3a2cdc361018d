// A Socket.IO 4 server with rooms, for WebSocket clients alone. Argument: the folder of the modules.
"use strict";
const http = require("http");
const { Server } = require(process.argv[2] + "/socket.io");

const httpServer = http.createServer();
const io = new Server(httpServer, { transports: ["websocket"], serveClient: false, pingInterval: 600000 });
io.on("connection", (socket) => {
  let room;
  socket.on("join", (name, done) => {
    room = name;
    socket.join(name);
    done("ok");
  });
  socket.on("message", (text) => io.to(room).emit("message", text));
});
httpServer.listen(0, "127.0.0.1", 4096, () => console.log("ready " + httpServer.address().port));

process.stdin.on("data", () => {
  global.gc();
  console.log("collected");
});
process.on("SIGTERM", () => process.exit(0));
