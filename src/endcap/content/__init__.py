"""From a catalogue to what encoders read: texts, files in folders and archives, pictures, sounds.

What several encoders need stands here, since the files of `endcap.encoders` never import each
other. Nothing in here knows of an encoder.
"""
