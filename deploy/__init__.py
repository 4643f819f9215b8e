"""How a release is carried to a host and started there: the bundle of closed networks, images and services."""
