"""Traces that leave and traces that come: export, import, and a receiver on this machine.

``exporting`` and ``http`` send what the store holds, ``reading`` and ``importing`` bring in what
others wrote, ``receiver`` takes what programs send. ``protobuf`` is OTLP's binary form, ``carried``
what belongs to a trace as a whole and has no place in OTLP, ``ingest`` the one way into the store.
"""
