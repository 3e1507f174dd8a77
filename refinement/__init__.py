"""Warped photo -> finished frame: edge heatmaps, SPADE U-Net, discriminator; the renderer."""
