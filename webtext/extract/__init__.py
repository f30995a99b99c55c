"""From the bytes of a page to its text: decoding, main text, language, cleaning."""
