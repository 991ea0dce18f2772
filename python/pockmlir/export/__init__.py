"""What firmware gets: libraries, header, memory images, manifest."""
