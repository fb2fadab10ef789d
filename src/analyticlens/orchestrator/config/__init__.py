"""Settings, routes and their permissions: the one room that knows all others."""
