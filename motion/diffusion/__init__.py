"""Motion generators that denoise: skeleton diffusion and FineGesture."""
