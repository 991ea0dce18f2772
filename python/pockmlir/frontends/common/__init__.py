"""What all frontends share; it needs no torch."""
