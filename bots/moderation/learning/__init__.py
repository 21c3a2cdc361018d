"""A scorer that learns from labelled messages.

::

    botkit moderation train labelled.tsv --out model.json        # needs the extra: pip install 'botkit[ml]'
    botkit moderation eval model.json held_out.tsv --plot curve.png

``labelled`` reads the messages, ``features`` says what a scorer sees in a text, ``fitting`` learns weights by
cross-validation (scikit-learn), ``thresholds`` chooses from which score on a message is objected to. ``model`` is the
file and the scorer itself: a linear model over counted words, n-grams and traits, in JSON. It is read as data, never
executed, and scores in plain Python, without scikit-learn: some 0.3 ms for a message of 200 characters.
"""
