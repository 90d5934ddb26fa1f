"""PostgreSQL, Valkey and the product's processes on a bare machine. Imports no Django and no domain."""
