"""What runs a backbone's network on pictures: torch, or OpenVINO, in float32 or bfloat16."""
