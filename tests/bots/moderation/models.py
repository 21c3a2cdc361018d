"""Models of scorers, small enough to be read."""

import msgspec

from bots.moderation.learning.model import Model


def model_of(word: str) -> Model:
    """A model that objects to one word."""
    document = {
        "format": "botkit moderation scorer",
        "version": 2,
        "positive": ["spam"],
        "threshold": 0.5,
        "slope": 4.0,
        "shift": -2.0,
        "intercept": 0.0,
        "shape_weights": [0.0] * 9,
        "blocks": [{"kind": "words", "vocabulary": [word], "idf": [1.0], "weights": [1.0], "damping": 0.0}],
        "origin": {"messages": 2, "positives": 1, "target": "f1", "precision": 1, "recall": 1, "f1": 1},
    }
    return msgspec.convert(document, Model)
