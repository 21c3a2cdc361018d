"""The command ``botkit`` with a gateway that lets an account say as much as it can: to measure how much that is."""

from botkit.cli import main
from botkit.gateway import session

if __name__ == "__main__":
    vars(session)["USER_MESSAGES_PER_SECOND"] = 10**9
    main()
