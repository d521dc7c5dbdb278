"""Resource plugins of the kit: docker, random and tls, on one small server (`framework`)."""
