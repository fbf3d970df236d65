"""How good generated text is: counts over a corpus, from which scores are made."""
