"""Not importable: jsonschema takes it along for one format, and compiles grammars for 1.6 s."""

raise ImportError("nobody checks internationalized addresses in tests")
