"""Who may do what: rules, bindings, the built-in policy, and the questions about them."""
