"""What a compilation leaves: manifest, memory, footprint, signatures."""
