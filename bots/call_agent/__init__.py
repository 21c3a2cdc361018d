from bots.call_agent.handlers import bot

__all__ = ["bot"]
