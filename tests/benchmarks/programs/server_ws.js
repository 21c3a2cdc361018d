// A server on `ws` that parses the gateway's JSON and answers the same. Argument: the folder of the modules.
"use strict";
const { WebSocketServer } = require(process.argv[2] + "/ws");

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => console.log("ready " + server.address().port));
const channels = new Map([["lobby", 1]]);
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const [kind, [func, id, args]] = JSON.parse(data);
    let result;
    if (kind === "call2" && func === "channel_query_num" && args.line) {
      result = { result: "ok", num: channels.get(args.name) || 0 };
    } else {
      result = { result: "failed", reason: "unknown" };
    }
    socket.send(JSON.stringify(["call2-ret", [id, "", JSON.stringify(result)]]));
  });
});
process.on("SIGTERM", () => process.exit(0));
