"""The command ``pock demo``: a model meets a user who writes differently, and learns.

`schemes` is the whole demo, which needs PyTorch. `compiled` is the one without: it trains a step that ships in the
package.
"""
