"""The PyTorch front end: PyTorch models → pock IR at stage ``import``; see `importer`."""
