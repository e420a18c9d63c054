"""The model hub: what an id stands for, from a filled cache or the network."""
