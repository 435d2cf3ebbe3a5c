"""DICOM files (PS3.10) to RGB frames: parsing, frames as coded or native, colours and windows."""
