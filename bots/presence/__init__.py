from bots.presence.handlers import bot

__all__ = ["bot"]
