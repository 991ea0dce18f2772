"""Files for firmware: libraries, header, memory images, manifest."""
