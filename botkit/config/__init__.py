"""A YAML file and the environment become every room's settings; whatever is wrong is said with file, line and key.

- ``environment``: ``${NAME}`` and ``${NAME:-default}`` in values.
- ``document``: the YAML text as plain values, each with the line where it stands.
- ``checking``: values against types: unknown keys, wrong types, missing keys.
- ``schema``, ``gateway_schema``: the sections of the file.
- ``apps``, ``gateway``: who may enter which app, and a gateway of our own or the address of another.
- ``files``: a file of a bot's own, by its path, checked the same way.
- ``bots``: ``module:attribute`` imported, its settings checked.
- ``loading``: :func:`~botkit.config.loading.load_config`, all of it in one call; ``load_gateway_config`` for a gateway
  alone.
"""
