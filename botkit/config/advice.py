"""What a configuration file says that can be, but is hardly meant."""

from collections.abc import Iterator

from botkit.config.document import read_path
from botkit.config.loading import Config
from botkit.errors import ConfigError
from botkit.types import AppId


def find_doubts(config: Config) -> Iterator[ConfigError]:
    """What is to be looked at again, each with its place, and what would be right. None of it keeps a bot away.

    A bot whose first account has the server role, and others not: in their channels it would be refused what it may do
    in the first.
    """
    apps = {AppId(app.id): app for app in config.apps}
    for bot in config.bots:
        app, (first, *others) = apps[bot.app], bot.plan.accounts
        users = [account for account in others if not app.is_server(account)]
        if users and app.is_server(first):
            named = users[0] if len(users) == 1 else f"{len(users)} of its accounts, {users[0]} to {users[-1]},"
            problem = f"{first} is a server account, and {named} {'is' if len(users) == 1 else 'are'} not"
            hint = f'add "{first}~*" to server_accounts'
            yield config.document.error((*read_path(bot.plan.key), "channels"), problem, hint)
