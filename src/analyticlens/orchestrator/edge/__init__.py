"""The door for machines: who a machine is, what it reports, what it is told. Writes facts; knows nothing of alerts or pages."""
