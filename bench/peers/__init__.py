"""Workers that train the same model with the same weights in several frameworks; see `train.py`."""
