"""Readers that run in a process of their own (see ``bounded``): each gives ``read(content, told, *arguments)``.

They import one native library and nothing of ours, so that their process starts quickly and never loads the stage.
"""
