"""The vision machine: sources, triggers, the inspecting loop and its killable child, outbox, link to the orchestrator."""
