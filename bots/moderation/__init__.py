from bots.moderation.handlers import bot

__all__ = ["bot"]
