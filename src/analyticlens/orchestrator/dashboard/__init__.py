"""The pages people look at: sign in, the fleet, one machine, its tools. They read rows and call the rooms below."""
