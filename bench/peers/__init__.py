"""Workers that train the same model with the same weights in every framework a user could pick; see `train.py`."""
