"""Networks: Linen modules and how they are applied."""
