"""The spec gallery: every `.net` file that ships with netc, each with the claims it is held to."""
