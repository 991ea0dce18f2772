"""What users say: scheme, optimizer, options, tuning; and the checked request."""
