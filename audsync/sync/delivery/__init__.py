"""A plan on its way: requests that leave, what is written down of them, and what became of them."""
