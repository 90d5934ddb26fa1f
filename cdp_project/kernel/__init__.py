"""Mechanisms without domain words: what any of the apps above may stand on."""
