"""``botkit new``: a bot to begin with, that runs and is tested as written."""
