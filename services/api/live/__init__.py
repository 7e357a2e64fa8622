"""The live stream: what changed is read, handed to one hub, and told to every open page."""
