"""The steps of the pre-flight check: each looks at one part of an input and names what is wrong with it."""
