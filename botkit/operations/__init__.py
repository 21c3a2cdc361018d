"""What whoever runs bots needs of a process: its health, its numbers, what runs in it. The chapter on deployment.

A process is one configuration file and ``botkit run``. Check the file where there is no network, as before a release::

    botkit check bots.yaml
    botkit run bots.yaml --log json

What is wrong in a file is told by file, line and key, with a near miss ("did you mean"), before anything is started. A
whole file, with a gateway in the same process::

    app: {id: 970ca35de60c44645bbae8a215061b33, certificate: "${APP_CERTIFICATE}"}
    gateway:
      listen: "127.0.0.1:8001"
      http: "127.0.0.1:8080"
      server_accounts: [moderator, "moderator~*"]
    store: {url: "sqlite:///var/botkit.db"}
    operations: {listen: "127.0.0.1:8081", canary_seconds: 10}
    log: {format: json, level: info}
    bots:
      - bot: bots.moderation:bot
        account: moderator
        channels: [lobby, "room-*"]
        max_channels: 500
        linger_seconds: 30
        settings: {rules: [{id: spam, kind: words, words: [spam]}, {id: flood, kind: flood}]}

``${NAME}`` is taken from the environment, ``${NAME:-}`` may be missing, and ``${file:PATH}`` is what a file holds: so a
certificate need not stand here.
``store`` keeps what must survive a restart: conversations, what bots did, and the embedded gateway's mutes, waiting
messages and ledger. Without it all that ends with the process.

**Channels.** Each channel of a bot takes a session with an account of its own: ``moderator``, ``moderator~2``, … A
pattern such as ``room-*`` stands for every channel of such a name while somebody is in it, at most ``max_channels`` at
a time; one that is empty is left after ``linger_seconds``. The accounts with a ``~`` need the bot's rights, too.

**Several apps** in one process, at a gateway elsewhere; each bot names its app, or is in the first::

    apps:
      - {id: shop, certificate: "${SHOP_CERTIFICATE}"}
      - {id: desk, certificate: "${DESK_CERTIFICATE}"}
    gateway: {url: "wss://signaling.example.org/"}
    bots:
      - {bot: "bots.presence:bot", app: shop, account: presence, settings: {ignore: ["bot-*"]}}
      - bot: bots.call_agent:bot
        app: desk
        account: support
        settings: {accept: [{channel: "support-*"}]}

The gateway may be a process of its own, started first and stopped last: its clients come back by themselves. Every
setting that it has is explained in ``config/gateway.yaml``::

    botkit gateway --config config/gateway.yaml

**A change of the file** takes effect with SIGHUP: bots that differ are restarted, new ones start, those that are gone
stop, and the others keep their sessions. ``log.level``, ``operations.canary_seconds``, ``outgoing.queue`` and
``outgoing.retry_seconds`` follow, too. A mistake in it, or a change of anything else, is logged with file, line and
key, and nothing changes. What shows only when a bot starts anew, such as a database that cannot be opened, puts that
bot into quarantine.

**While a bot is being written**, its code can change under it; for that, install the extra ``dev``::

    botkit run bots.yaml --reload

When a file of the bots' code is saved, the modules that have changed, and those that import them, are executed anew,
and the next event meets the new handlers. Sessions stay logged in and in their channels; handlers that are at work end
in the old code, and what waits keeps its place. What becomes of the rest:

===================  ===================================================================================================
conversations        go on; their states become those of the new classes, as after a restart
timers               of handlers of the same name go on at their times, and none beats twice
resources            stay open, with what they hold, while they are made in the same way: the function and its class are
                     written as before, and so is all of the project that these name. Else the new one is opened, and
                     then, when no handler is at work with it any more, the old one closed
settings             are checked against the new class
feeds                come and go with the handlers that ask for them
names of a module    begin anew when it is executed anew: keep what is to stay in a resource, its class in a module of
                     its own
===================  ===================================================================================================

Code that cannot be imported, whose handlers or settings do not fit, or whose resources do not open, is logged with file
and line, and the old goes on until the next save. The configuration file is followed as well, as with SIGHUP.

**A handler that blocks the loop**, by ``time.sleep`` for example, is named within a second in log and metric, with the
line that blocks and the stack; so is the end of it. Sessions stay logged in through 20 s of it.

**Probes.** With ``operations.listen`` the process answers over HTTP:

============  ===========================================================================================
``/livez``    200 as long as the process answers at all: restart it when this one fails
``/readyz``   200 when the bots really receive, 503 with one line for each problem: send it no work then
``/metrics``  Prometheus; labels are bounded
``/tree``     what runs, as JSON; for this machine alone
``/tail``     the log from now on, as JSON lines; for this machine alone
============  ===========================================================================================

Ready means: each bot and each feed runs, each session is logged in and in its channel, and the canary, which travels
through the special channels and to each bot every ``canary_seconds``, was heard of late. An open socket is not enough.

**Looking at it.** The commands take the same file, or the address::

    botkit tree bots.yaml
    botkit tail bots.yaml --bot moderation --level warning
    botkit trace bots.yaml --account ann --limit 50
    botkit run bots.yaml --dry-run

``tree`` has each supervisor, bot and session, how it is and how often it failed. ``trace`` goes from what a bot did
back to the handler and to the event. A dry run lets no bot do anything to others, and tells what it would have done.

**What crashes** is restarted by its supervisor; when that happens too often the bot alone goes into quarantine, and is
probed again and again; ``quarantine`` says how long, and after how many probes it is given up::

    quarantine: {probe_after: 30, longest: 1800, give_up_after: 10}

**How it ends.** SIGTERM or Ctrl-C asks once: bots that declare ``on_drain``, such as the call agent, finish what they
are at, as long as they allow themselves (``drain_seconds``), and everything goes on meanwhile. Then handlers may end,
sessions log out, resources close, the gateway writes what it has. A second signal does not ask.

====  =======================================================================================================
code  what it means
====  =======================================================================================================
0     asked to stop, and every session is logged out
1     it failed: a bot was given up, or is in quarantine at the end; or it was not done 5 s after that
2     the configuration, or the command line, says something that cannot be: a restart will not help
130   a second signal came: it ended at once
====  =======================================================================================================

**As a service.** ``config/deploy`` has units for systemd, an image, and a gateway with the three bots for ``docker
compose``; their first lines say how to begin. systemd is told when the process is ready, reloads and stops, and with
``WatchdogSec=`` that its loop turns. Another service manager starts ``botkit run`` in the folder that relative paths
are for, with the secrets in its environment; restarts it on failure but not after code 2; stops it with SIGTERM, and
before SIGKILL waits 10 s and what bots may take to finish. A SIGKILL loses nothing that the store has: sanctions, the
ledger and conversations go on where they were.

The modules: ``reload`` brings the file, and the code, anew; ``code`` knows what of that has changed, and ``saves``
when to look; ``notify`` tells systemd. ``http`` answers ``/livez``, ``/readyz``, ``/metrics``, ``/tree`` and
``/tail``, and ``client`` asks for them, as ``botkit tree`` does.
"""
