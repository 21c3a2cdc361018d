"""Flows: what a caller is led through, as it is written in YAML. Pure: checked at load, walked without a clock.

``steps`` has what can be written, ``texts`` the variables in it, ``checking`` what is refused at load and why, and
``walking`` goes through it, one question and answer at a time.
"""
