"""Pictures in and out: photos, decoding, encoding with sound, contact sheets."""
