"""Traces that leave and traces that come: export, forwarding, import, a receiver on this machine.

- out: ``exporting`` and ``targets`` (files and requests), ``checkpoint`` (going on after an
  interruption), ``report`` (HTML), ``forwarding`` (live), ``destination`` and ``http`` (where to),
  ``receivers``, ``openinference``, ``mlflow_server``, ``phoenix_server`` (what each understands)
- in: ``importing`` and ``reading``, ``otlp_reading``, ``phoenix``, ``langfuse``, ``jaeger`` (one
  form each), ``receiver`` (what programs send), ``ingest`` (the one way into the store)
- both: ``protobuf`` (OTLP's binary form), ``carried`` (what belongs to a trace as a whole and has
  no place in OTLP)
"""
