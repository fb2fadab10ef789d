"""The demonstration line: three stations with pictures whose truth is known, so that every verdict can be checked.

Coins are crops of a real photograph; plates and discs are drawn. The parameters that drew a picture are its truth, and they are written
down before anything judges it. Stations and tools have the names that people at a Brazilian line give them.
"""
