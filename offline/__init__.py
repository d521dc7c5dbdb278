"""Engine kit for machines that cannot reach the vendor's downloads: language host, resource plugins, images, builds."""
