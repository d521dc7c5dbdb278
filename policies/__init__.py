"""The policy pack: rules on registries and on what stands around them, for `pulumi preview` and `pulumi up --policy-pack policies`."""
