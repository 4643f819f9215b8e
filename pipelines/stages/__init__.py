"""Stages of a night. They meet in tables and never import one another."""
