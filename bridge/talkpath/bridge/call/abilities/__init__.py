"""What an agent can do to its own call: tools that the call carries out itself, one module each."""
