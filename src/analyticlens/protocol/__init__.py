"""The words both sides speak: recipes, configurations, heartbeats, verdicts.

Everything here is data and rules about data. Nothing here touches pictures, files, threads or a network, so that the machine, the
orchestrator and every client read one contract. The JSON these models write is the contract for database, REST, door and editor.
"""
