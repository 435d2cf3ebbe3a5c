"""DICOM files (PS3.10) to RGB frames: parsing, native and compressed frames, colours, windows."""
