"""How the store's tables came to be: one revision a change, each with its way back."""
