"""Every integration by key."""

from cdp_project.kernel.registry import Registry
from directory.contracts import Integration

INTEGRATIONS: Registry[Integration] = Registry("directory.integrations", "INTEGRATION")
