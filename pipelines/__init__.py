"""Wengang: departments' deliveries in, an accountable early-warning edition out."""
