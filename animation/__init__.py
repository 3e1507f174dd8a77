"""Photo + skeletons -> frames by latent diffusion; adapters to public models of that kind."""
