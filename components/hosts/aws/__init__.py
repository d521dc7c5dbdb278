"""A fleet of VMs in AWS that runs the bundle: one module a concept, put together in `fleet`."""
