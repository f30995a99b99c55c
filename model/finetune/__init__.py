"""GPT-1's method: a pre-trained model learns a task by its input alone (Radford et al. 2018, section 3)."""
