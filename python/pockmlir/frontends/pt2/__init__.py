"""Exported programs (``.pt2``), read without running anything in them."""
