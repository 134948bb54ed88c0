"""Why does it not work? Checks of the machine, the network and the model, each with its remedy."""
