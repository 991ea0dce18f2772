"""Reads exported programs (``.pt2``) without running code from them."""
