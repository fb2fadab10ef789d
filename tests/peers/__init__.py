"""Programs outside the project that tests talk to: cameras as they are met in plants, well and ill."""
