"""Networks as Linen modules, and the functions that apply them."""
