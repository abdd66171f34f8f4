"""The routes, by resource. Each function makes its router around the gateway it is given."""
