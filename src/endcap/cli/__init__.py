"""The command `endcap`: one file is one group of commands, found by walking this folder."""
