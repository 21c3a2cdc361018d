// Drives the vendor's web SDK 1.4.0 under Node: commands come in as JSON lines on standard input, every call-back
// goes out as one on standard output. Started as `node web_driver.js PACKAGES`, the folder with node_modules.
"use strict";

const path = require("path");
const readline = require("readline");
const load = require("module").createRequire(path.join(process.argv[2], "package.json"));

// What the SDK takes from a browser. Statistics are posted nowhere; the SDK's log goes to standard error.
global.window = global;
global.WebSocket = load("ws");
global.XMLHttpRequest = class {
  open() {}
  setRequestHeader() {}
  send() {}
};
if (typeof navigator === "undefined") global.navigator = { userAgent: "node" };
console.log = console.error;

const Signal = load("agora-signaling-sdk");

const sessions = new Map();
const states = new Map();
const channels = new Map();
const calls = new Map();

function tell(who, event, fields) {
  process.stdout.write(JSON.stringify({ who, event, ...fields }) + "\n");
}

// Call-back of the SDK -> event and the names of its arguments.
const LOGIN = {
  onLoginSuccess: ["logged_in", "uid"],
  onLoginFailed: ["login_failed", "code"],
  onLogout: ["logged_out", "code"],
  onMessageInstantReceive: ["instant", "account", "uid", "text"],
};
const CHANNEL = {
  onChannelJoined: ["joined"],
  onChannelJoinFailed: ["join_failed", "reason"],
  onChannelLeaved: ["left", "code"],
  onChannelUserJoined: ["user_joined", "account", "uid"],
  onChannelUserLeaved: ["user_left", "account", "uid"],
  onChannelAttrUpdated: ["attribute", "name", "value", "kind"],
  onMessageChannelReceive: ["channel_message", "account", "uid", "text"],
};
const CALL = {
  onInviteReceivedByPeer: ["ringing", "extra"],
  onInviteAcceptedByPeer: ["accepted", "extra"],
  onInviteRefusedByPeer: ["refused", "extra"],
  onInviteFailed: ["call_failed", "reason"],
  onInviteEndByPeer: ["ended_by_peer", "extra"],
  onInviteEndByMyself: ["ended_by_myself", "extra"],
  onInviteMsg: ["call_message", "extra"],
};

function listen(target, table, who, about) {
  for (const [callback, [event, ...names]] of Object.entries(table)) {
    target[callback] = (...values) => {
      tell(who, event, { ...about, ...Object.fromEntries(names.map((name, index) => [name, values[index]])) });
    };
  }
}

function keepCall(who, call) {
  calls.set(`${who} ${call.channelName} ${call.peer}`, call);
  listen(call, CALL, who, { channel: call.channelName, peer: call.peer });
}

const COMMANDS = {
  login(who, { url, app, token }) {
    const signal = new Signal(app);
    signal.setup_debugging("ap_url", url);
    const session = signal.login(who, token);
    listen(session, LOGIN, who, {});
    session.onInviteReceived = (call) => {
      keepCall(who, call);
      tell(who, "invited", { channel: call.channelName, peer: call.peer, extra: call.extra });
    };
    sessions.set(who, session);
    states.delete(who); // that of the session before says nothing of this one
  },
  logout(who) {
    sessions.get(who).logout();
  },
  status(who) {
    tell(who, "status", { status: sessions.get(who).getStatus() });
  },
  send(who, { account, text }) {
    sessions.get(who).messageInstantSend(account, text, (failed) => tell(who, "sent", { ok: !failed }));
  },
  join(who, { channel }) {
    const joined = sessions.get(who).channelJoin(channel);
    listen(joined, CHANNEL, who, {});
    joined.onChannelUserList = (list) => tell(who, "user_list", { users: list });
    channels.set(who, joined);
  },
  leave(who) {
    channels.get(who).channelLeave();
  },
  say(who, { text }) {
    channels.get(who).messageChannelSend(text, () => tell(who, "said", {}));
  },
  set_attribute(who, { name, value }) {
    channels.get(who).channelSetAttr(name, value);
  },
  delete_attribute(who, { name }) {
    channels.get(who).channelDelAttr(name);
  },
  clear_attributes(who) {
    channels.get(who).channelClearAttr();
  },
  ask(who, { func, args }) {
    sessions.get(who).invoke(`io.agora.signal.${func}`, args, (error, answer) => {
      tell(who, "answer", { func, error, answer });
    });
  },
  invite(who, { channel, peer, extra }) {
    keepCall(who, sessions.get(who).channelInviteUser2(channel, peer, extra));
  },
  accept(who, { channel, peer, extra }) {
    calls.get(`${who} ${channel} ${peer}`).channelInviteAccept(extra);
  },
  refuse(who, { channel, peer, extra }) {
    calls.get(`${who} ${channel} ${peer}`).channelInviteRefuse(extra);
  },
  end(who, { channel, peer, extra }) {
    calls.get(`${who} ${channel} ${peer}`).channelInviteEnd(extra);
  },
  press(who, { channel, peer, digits }) {
    calls.get(`${who} ${channel} ${peer}`).channelInviteDTMF(digits);
  },
};

// Tell changed states: there is no call-back for a lost connection, nor for coming back in vain.
setInterval(() => {
  for (const [who, session] of sessions) {
    const state = session.getStatus();
    if (states.get(who) !== state) {
      states.set(who, state);
      tell(who, "state", { state });
    }
  }
}, 100);

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { who, command, ...parameters } = JSON.parse(line);
  COMMANDS[command](who, parameters);
});
lines.on("close", () => process.exit(0));
