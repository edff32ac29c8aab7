"""State files as tables: how they are queried, layered, counted and looked up."""
