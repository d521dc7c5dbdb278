"""Everything one host runs, as plain data: files and services.

Pure functions only. Nothing here imports pulumi or a cloud SDK, reads a file of the host or opens a connection; `components/` turns the
result into resources. Start at `bundle.build.build`.
"""
