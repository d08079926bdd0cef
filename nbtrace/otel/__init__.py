"""OpenTelemetry's side: the OTLP codec, the conventions of other tracers, prices."""
