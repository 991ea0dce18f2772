"""The results of a compilation: manifest, memory, footprint, signatures."""
