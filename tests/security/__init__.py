"""Who may do what, through every door; and what nobody thought of."""
