"""Histograms that transforms make, added up and drawn as text."""
