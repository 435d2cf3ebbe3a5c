"""Raster image files to RGB frames: JPEG, PNG, TIFF, WebP, BMP, HEIC and AVIF."""
