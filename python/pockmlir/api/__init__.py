"""Settings of the user: scheme, optimizer, options, tuning; and the checked request."""
