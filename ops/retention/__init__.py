"""Which images may go: rules, the plan that they make, and carrying it out."""
