"""Where records go: each module has kinds of sinks. All take batches, in order (``bots.presence.pump.Sink``)."""
