"""The bots that come with botkit. They use its public names only, as a bot of anybody's would."""
