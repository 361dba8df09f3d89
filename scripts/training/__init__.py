"""Training of the ear: data, labels, augmentation, network, figures. Not needed on the device."""
