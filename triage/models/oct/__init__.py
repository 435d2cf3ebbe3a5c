"""The two networks of OCT triage: B-scans to a tissue map, a tissue map to a referral."""
