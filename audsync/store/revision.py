"""The newest form of the tables that this audsync knows."""

HEAD = "0011"
