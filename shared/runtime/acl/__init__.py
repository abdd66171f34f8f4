"""Users of the bus and of the cache server, one a service, each with the rights it needs and no more."""

from shared.runtime.acl.lines import UnusablePassword, acl_lines

__all__ = ["UnusablePassword", "acl_lines"]
