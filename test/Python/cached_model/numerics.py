"""Functions of another file, for the tests of the compile cache."""

DIVISOR = 2


def halved(x):
    return x / DIVISOR


def quarter(x):
    return halved(x) / 2.0
